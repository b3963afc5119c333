/**
 * @file Proxies carry the frames of their originals under the same indices: every frame of these clips shows its own number, and is read
 * back from original and proxy at a hundred random indices. An off-by-one cannot pass.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Random } from '../platform/random.ts';
import { framesAt, type VideoFrame } from './decode.ts';
import { encodeVideo, type TimedRgb } from './encode.ts';
import { probeVideo } from './probe.ts';
import { makeProxy } from './proxy.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const folder = mkdtempSync(path.join(tmpdir(), 'media-proxy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BITS = 8;
const FRAMES = 180;

/** The number that a frame shows: bit k is column k of eight; rows of eight when the picture was turned by 90 degrees. */
function numberOf({ data, width, height }: VideoFrame, rotation: number): number {
  let number = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const along = (bit + 0.5) / BITS;
    const [x, y] = rotation === 90 ? [0.5, along] : [along, 0.5];
    const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    if (data[at] > 127) number += 2 ** bit;
  }
  return number;
}

/** Peak signal-to-noise ratio over all bytes, in dB. */
function psnr(a: Uint8Array, b: Uint8Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) ** 2;
  return squares === 0 ? Infinity : 10 * Math.log10((255 ** 2 * a.length) / squares);
}

/** A hundred different frames in random order, first and last among them. */
function drawIndices(seed: string): number[] {
  const random = new Random(seed);
  const drawn = new Set([0, FRAMES - 1]);
  while (drawn.size < 100) drawn.add(random.int(FRAMES));
  return [...drawn];
}

async function expectSameFrames(file: string): Promise<void> {
  const original = await probeVideo(file);
  const output = path.join(folder, `${path.basename(file)}.proxy.mp4`);
  expect(await makeProxy(file, original.pts, output)).toBe(FRAMES);
  const proxy = await probeVideo(output);
  expect(proxy.pts.length).toBe(FRAMES);
  expect([proxy.width, proxy.height, proxy.rotation]).toEqual([
    original.width,
    original.height,
    original.rotation,
  ]);
  const indices = drawIndices(path.basename(file));
  const ours = await framesAt(file, original.pts, indices);
  const theirs = await framesAt(output, proxy.pts, indices);
  const read = (frames: VideoFrame[]): number[] => frames.map((f) => numberOf(f, original.rotation));
  expect(read(ours)).toEqual(indices);
  expect(read(theirs)).toEqual(indices);
  // Quality 21: losses of compression, mostly at the edges of the columns. The frame beside the right one gives at most 10.4 dB.
  const worst = Math.min(...indices.map((_, k) => psnr(ours[k].data, theirs[k].data)));
  expect(worst).toBeGreaterThan(28);
}

test.each([
  'numbered-hevc.mp4',
  'numbered-mpeg4.avi',
  'numbered.gif',
  'numbered-variable.mp4',
  'numbered-rotated.mov',
])('%s: a hundred random frames of the proxy are those of the original', async (name) => {
  const file = path.join(FIXTURES, name);
  await expectSameFrames(file);
  const [original, proxy] = [
    await probeVideo(file),
    await probeVideo(path.join(folder, `${name}.proxy.mp4`)),
  ];
  expect(proxy.pts.toPlain()).toEqual(original.pts.toPlain());
});

test('frames with one and the same time stay frames of their own in the proxy', () =>
  expectSameFrames(path.join(FIXTURES, 'numbered-same-times.mkv')));

test('a clip of our own encoder, with uneven times that do not begin at zero', async () => {
  const [width, height] = [64, 48];
  const file = path.join(folder, 'own.mp4');
  const random = new Random('own');
  let pts = 1234;
  function* numbered(): Generator<TimedRgb> {
    for (let n = 0; n < FRAMES; n++) {
      const rgb = new Uint8Array(width * height * 3);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          rgb.fill((n >> ((x * BITS) / width)) & 1 ? 235 : 16, (y * width + x) * 3, (y * width + x) * 3 + 3);
      yield { rgb, pts, duration: 1 };
      pts += 1 + random.int(90);
    }
  }
  await encodeVideo(file, numbered(), { codec: 'h264', width, height, timeBase: { num: 1, den: 1000 } });
  await expectSameFrames(file);
});
