/** @file The path picker's listing on a real folder: what is left out, links, the paths people write, and errors in words. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listFolder } from './folder-listing.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'rrpo-listing-'));
const at = (...names: string[]): string => path.join(root, ...names);

beforeAll(() => {
  mkdirSync(at('clips'));
  writeFileSync(at('rows.json'), '[]');
  writeFileSync(at('.hidden'), '');
  symlinkSync(at('clips'), at('linked clips'));
  symlinkSync(at('rows.json'), at('a linked file'));
  symlinkSync(at('gone'), at('link to nothing'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('folders first, links as what they lead to, neither hidden ones nor links to nothing', async () => {
  const listing = await listFolder(root);
  expect(listing).toMatchObject({ path: root, file: null, parent: path.dirname(root) });
  expect(listing.entries).toEqual([
    { name: 'clips', path: at('clips'), folder: true },
    { name: 'linked clips', path: at('linked clips'), folder: true },
    { name: 'a linked file', path: at('a linked file'), folder: false },
    { name: 'rows.json', path: at('rows.json'), folder: false },
  ]);
  expect((await listFolder(path.parse(root).root)).parent).toBeNull();
});

test('the path of a file lists its folder and names it', async () => {
  expect(await listFolder(` ${at('rows.json')} `)).toMatchObject({ path: root, file: at('rows.json') });
});

test('a path that is not absolute begins at home, as ~ does', async () => {
  const home = os.homedir();
  for (const written of ['~', '', '.', '~/']) expect((await listFolder(written)).path).toBe(home);
  await expect(listFolder('~nobody')).rejects.toThrow(path.join(home, '~nobody'));
});

test('what is not there is said in words', async () => {
  for (const place of [at('gone'), at('rows.json', 'inside')])
    await expect(listFolder(place)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `expected a file or folder of this machine, got none at ${place}`,
    });
});
