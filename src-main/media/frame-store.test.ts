/** @file The frame store decodes a clip once, keeps no more bytes than it may, and gives the right frame of a clip too large for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { framesAt } from './decode.ts';
import { encodeVideo } from './encode.ts';
import { FrameStore } from './frame-store.ts';
import { probeVideo } from './probe.ts';
import type { PtsTable } from './pts.ts';

const SIZE = { width: 64, height: 48 };
const BYTES = 64 * 48 * 3;
const WANTED = [0, 4, 9, 14, 19];
const folder = mkdtempSync(path.join(os.tmpdir(), 'frame-store-'));
const video = { path: path.join(folder, 'clip.mp4'), sha256: 'a' };
let table: PtsTable;

beforeAll(async () => {
  const grey = (pts: number) => ({ rgb: new Uint8Array(BYTES).fill(10 + 10 * pts), pts, duration: 1 });
  await encodeVideo(
    video.path,
    Array.from({ length: 20 }, (_, i) => grey(i)),
    { codec: 'h264', ...SIZE, timeBase: { num: 1, den: 10 } },
  );
  table = (await probeVideo(video.path)).pts;
});
afterAll(() => rmSync(folder, { recursive: true }));

test('all at once, and never again', async () => {
  const store = new FrameStore(5 * BYTES);
  const asked = [...WANTED, ...WANTED.toReversed()];
  const got = await Promise.all(asked.map((index) => store.frame(video, table, index, WANTED)));
  const expected = await framesAt(video.path, table, asked);
  got.forEach(({ data }, i) => expect(data).toEqual(expected[i].data));
  expect([store.decoded, store.bytes]).toEqual([5, 5 * BYTES]);
});

test('the frames that were not asked for the longest go first', async () => {
  const store = new FrameStore(6 * BYTES);
  for (const sha256 of ['a', 'b'])
    for (const index of WANTED.slice(0, 3))
      await store.frame({ ...video, sha256 }, table, index, WANTED.slice(0, 3));
  await store.frame(video, table, 0, WANTED.slice(0, 3));
  expect(store.decoded).toBe(6);
  await store.frame({ ...video, sha256: 'c' }, table, 0, [0]);
  expect(store.bytes).toBe(6 * BYTES);
  await store.frame(video, table, 0, WANTED.slice(0, 3)); // still there
  expect(store.decoded).toBe(7);
});

test('a clip that does not fit is decoded frame by frame, within the limit', async () => {
  const store = new FrameStore(2 * BYTES);
  const expected = await framesAt(video.path, table, WANTED);
  for (const [k, index] of WANTED.entries()) {
    expect((await store.frame(video, table, index, WANTED)).data).toEqual(expected[k].data);
    expect(store.bytes).toBeLessThanOrEqual(2 * BYTES);
  }
});

test('a file that is gone is told to everyone who waits', async () => {
  const store = new FrameStore(5 * BYTES);
  const gone = { ...video, path: path.join(folder, 'gone.mp4') };
  const asked = await Promise.allSettled([0, 4].map((index) => store.frame(gone, table, index, WANTED)));
  for (const each of asked) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } });
});
