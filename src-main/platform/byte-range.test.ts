/** @file Range requests: 200, 206, 416 and paths that would leave their folder. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileResponse, parseRange, resolveUnder } from './byte-range.ts';

describe('parseRange', () => {
  it.each([
    ['bytes=0-3', { start: 0, end: 3 }],
    ['bytes=4-', { start: 4, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-30', { start: 0, end: 9 }],
    ['bytes=5-99', { start: 5, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', null],
    ['bytes=0-1,3-4', null],
    ['items=0-1', null],
    ['bytes=-', null],
    [null, null],
  ])('%s of ten bytes', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });
});

describe('fileResponse', () => {
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'range-'));
    file = path.join(folder, 'clip.mp4');
    await writeFile(file, '0123456789');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('answers 206 with exactly the bytes asked for', async () => {
    const response = await fileResponse(file, 'bytes=2-5');
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe('bytes 2-5/10');
    expect(response.headers.get('content-length')).toBe('4');
    expect(await response.text()).toBe('2345');
  });

  it('answers 200, 416 and 404', async () => {
    expect(await (await fileResponse(file, null)).text()).toBe('0123456789');
    const outside = await fileResponse(file, 'bytes=10-');
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect((await fileResponse(path.join(folder, 'none'), null)).status).toBe(404);
    expect((await fileResponse(folder, null)).status).toBe(404);
  });
});

describe('resolveUnder', () => {
  it('keeps paths inside the root', () => {
    const root = path.resolve('/data/app');
    expect(resolveUnder(root, 'a/b.js')).toBe(path.join(root, 'a/b.js'));
    expect(resolveUnder(root, '/a.js')).toBe(path.join(root, 'a.js'));
    expect(resolveUnder(root, '../app2/x')).toBeNull();
    expect(resolveUnder(root, 'a/../../x')).toBeNull();
    expect(resolveUnder(root, 'a\0b')).toBeNull();
  });
});
