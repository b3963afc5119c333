/** @file The person's own keys and look: kept between starts, absent at first, and a file damaged by hand is no obstacle. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readKeys, readTheme, writeKeys, writeTheme } from './user-choices.ts';

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

test('the look is kept beside the keys, and a damaged file counts as none', async () => {
  expect(await readTheme()).toBeNull();
  await writeTheme('dark');
  await writeKeys({ skip: ['Y'] });
  expect(await readTheme()).toBe('dark');
  writeFileSync(path.join(home, 'theme.json'), '"mauve"');
  expect(await readTheme()).toBeNull();
  expect(await readKeys()).toEqual({ skip: ['Y'] });
});
