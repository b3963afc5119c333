/** @file The person's own keys: kept between starts, absent at first, and a file damaged by hand is no obstacle. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readKeys, writeKeys } from './user-keys.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-test-'));
  vi.stubEnv('RRPO_WORKBENCH_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

test('keys are kept, and none are chosen at first', async () => {
  expect(await readKeys()).toBeNull();
  await writeKeys({ skip: ['Alt+Y'], accept: ['Ctrl+Enter', 'F9'] });
  expect(await readKeys()).toEqual({ skip: ['Alt+Y'], accept: ['Ctrl+Enter', 'F9'] });
  await writeKeys({});
  expect(await readKeys()).toEqual({});
});

test.each(['', '{', '[]', '{"skip": "S"}', '{"skip": [7]}'])(
  'a damaged file counts as none: %s',
  async (text) => {
    writeFileSync(path.join(home, 'keys.json'), text);
    expect(await readKeys()).toBeNull();
    await writeKeys({ skip: ['Y'] });
    expect(await readKeys()).toEqual({ skip: ['Y'] });
  },
);
