/** @file What is written: encoded clips, proxies, filmstrips. Read back with our own probe, whose truth is `clips.test.ts`. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { planPerturbation } from '../contract/perturb.ts';
import { framesAt } from './decode.ts';
import { encodeVideo, type TimedRgb } from './encode.ts';
import { frameToPicture, makeStrip, stripIndices } from './filmstrip.ts';
import { makePerturbedPictures } from './perturbed-pictures.ts';
import { probeVideo } from './probe.ts';
import { makeProxy } from './proxy.ts';
import { PtsTable } from './pts.ts';

const SHARED = path.resolve(import.meta.dirname, '../../../shared/clips');
const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const folder = mkdtempSync(path.join(tmpdir(), 'media-write-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sha = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A square that moves right over a plain ground: frame i has it at column 4 i. */
function* moving(
  n: number,
  width: number,
  height: number,
  pts = (i: number): number => i,
): Generator<TimedRgb> {
  for (let i = 0; i < n; i++) {
    const rgb = new Uint8Array(width * height * 3).fill(40);
    for (let y = 10; y < 26; y++)
      for (let x = 4 * i; x < 4 * i + 16; x++) rgb.set([220, 30, 60], (y * width + x) * 3);
    yield { rgb, pts: pts(i), duration: 1 };
  }
}

const pixel = (frame: { data: Uint8Array; width: number }, x: number, y: number): number[] => [
  ...frame.data.subarray((y * frame.width + x) * 3, (y * frame.width + x) * 3 + 3),
];
const near = (got: number[], want: number[], slack: number): boolean =>
  got.every((v, i) => Math.abs(v - want[i]) <= slack);

test.each([
  ['h264', 'clip.mp4', { num: 1, den: 8 }],
  ['vp9', 'clip.webm', { num: 1, den: 8 }],
] as const)(
  '%s: frames, times and colours come back; the same input gives the same bytes',
  async (codec, name, timeBase) => {
    const file = path.join(folder, name);
    const options = { codec, width: 96, height: 64, timeBase };
    expect(await encodeVideo(file, moving(16, 96, 64), options)).toBe(16);
    const first = sha(file);
    await encodeVideo(file, moving(16, 96, 64), options);
    expect(sha(file)).toBe(first);
    const { pts, playable, frameRate, findings } = await probeVideo(file);
    expect(Array.from({ length: pts.length }, (_, i) => pts.start(i))).toEqual(
      Array.from({ length: 16 }, (_, i) => i / 8),
    );
    expect({ playable: playable.value, frameRate, findings }).toEqual({
      playable: true,
      frameRate: 'constant',
      findings: [],
    });
    const [early, late] = await framesAt(file, pts, [2, 12]);
    expect(near(pixel(early, 16, 18), [220, 30, 60], 12)).toBe(true);
    expect(near(pixel(early, 60, 18), [40, 40, 40], 6)).toBe(true);
    expect(near(pixel(late, 56, 18), [220, 30, 60], 12)).toBe(true);
  },
);

test('uneven times are kept to the tick, also when the first is not zero', async () => {
  const file = path.join(folder, 'vfr.mp4');
  const times = [30, 40, 41, 90, 200, 203];
  const timeBase = { num: 1, den: 12_800 };
  await encodeVideo(
    file,
    moving(6, 64, 48, (i) => times[i] * 100),
    { codec: 'h264', width: 64, height: 48, timeBase },
  );
  const { pts, frameRate } = await probeVideo(file);
  expect([...pts.ticks]).toEqual(times.map((t) => t * 100));
  expect(frameRate).toBe('variable');
});

test('an odd size is refused for H.264 and fine for VP9; a cancelled file does not appear', async () => {
  const timeBase = { num: 1, den: 10 };
  const odd = { width: 65, height: 49, timeBase };
  const file = path.join(folder, 'odd.webm');
  await expect(encodeVideo(file, moving(3, 65, 49), { ...odd, codec: 'h264' })).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringContaining('expected an even width and height for H.264, got 65x49') as string,
  });
  await encodeVideo(file, moving(3, 65, 49), { ...odd, codec: 'vp9' });
  expect(await probeVideo(file)).toMatchObject({ width: 65, height: 49 });
  const before = readdirSync(folder).sort();
  const abort = new AbortController();
  const slow = function* (): Generator<TimedRgb> {
    for (const frame of moving(16, 96, 64)) {
      if (frame.pts === 9) abort.abort();
      yield frame;
    }
  };
  await expect(
    encodeVideo(path.join(folder, 'never.mp4'), slow(), {
      codec: 'h264',
      width: 96,
      height: 64,
      timeBase,
      signal: abort.signal,
    }),
  ).rejects.toMatchObject({ name: 'AbortError' });
  expect(readdirSync(folder).sort()).toEqual(before);
});

test.each([
  `${SHARED}/lf-2.avi`,
  `${FIXTURES}/animation.gif`,
  `${FIXTURES}/b-frames.avi`,
  `${FIXTURES}/hevc.mov`,
  `${FIXTURES}/ten-bit.mp4`,
  `${FIXTURES}/variable.mkv`,
  `${FIXTURES}/odd-size.webm`,
])('a proxy of %s has the same frames at the same times', async (file) => {
  const original = await probeVideo(file);
  const output = path.join(folder, `${path.basename(file)}.proxy.mp4`);
  const seen: number[] = [];
  await makeProxy(file, original.pts, output, { onProgress: (done) => seen.push(done) });
  const proxy = await probeVideo(output);
  expect(proxy.playable).toEqual({ value: true, reason: 'browsers play h264 in MP4' });
  expect(proxy.pixelFormat).toMatch(/^yuvj?420p$/);
  expect(proxy.pts.toPlain()).toEqual(original.pts.toPlain());
  expect(seen.at(-1)).toBe(original.pts.length);
  const middle = original.pts.length >> 1;
  const [a] = await framesAt(file, original.pts, [middle], { maxEdge: 32 });
  const [b] = await framesAt(output, proxy.pts, [middle], { maxEdge: 32 });
  const size = Math.min(a.data.length, b.data.length);
  let difference = 0;
  for (let i = 0; i < size; i++) difference += Math.abs(a.data[i] - b.data[i]);
  // The 48-pixel GIF is dithered, which halved colour planes cannot show; the odd one loses a column, so it is shifted.
  const slack = /animation|odd-size/.test(file) ? 20 : 6;
  expect(difference / size).toBeLessThan(slack);
});

test('a proxy keeps the rotation', async () => {
  const file = path.join(SHARED, 'rotate-buck-bunny.mp4');
  const original = await probeVideo(file);
  const output = path.join(folder, 'rotated.mp4');
  await makeProxy(file, original.pts, output, { maxEdge: 320 });
  const proxy = await probeVideo(output);
  expect(proxy).toMatchObject({ rotation: 90, width: 180, height: 320 });
  expect(proxy.pts.toPlain()).toEqual(original.pts.toPlain());
});

test('a proxy carries the sound along, and leaves out what browsers do not play', async () => {
  const file = path.join(FIXTURES, 'sound.avi');
  const original = await probeVideo(file);
  expect(original.audioCodec).toBe('mp3');
  // The writer filled the time before the sound begins with four empty frames, which nobody sees.
  expect(original.findings.map(({ code }) => code)).toEqual(['variable-frame-rate']);
  const output = path.join(folder, 'sound.mp4');
  await makeProxy(file, original.pts, output);
  const proxy = await probeVideo(output);
  expect(proxy.audioCodec).toBe('mp3');
  expect(proxy.pts.toPlain()).toEqual(original.pts.toPlain());
  const silent = path.join(FIXTURES, 'raw-sound.avi');
  const { audioCodec, findings, pts } = await probeVideo(silent);
  expect(audioCodec).toBe('pcm_u8');
  expect(findings.map(({ code }) => code)).toEqual(['proxy-without-sound']);
  await makeProxy(silent, pts, output);
  expect((await probeVideo(output)).audioCodec).toBeNull();
});

test('a strip is one JPEG of sixteen cells: keyframes where cells are long, every frame where they are not', async () => {
  const file = path.join(SHARED, 'lf-1.mp4');
  const { pts } = await probeVideo(file);
  expect([pts.length, pts.keys.length]).toEqual([243, 1]);
  const output = path.join(folder, 'strip.jpg');
  const strip = await makeStrip(file, pts, { stride: 16, strip: 0 }, output);
  const indices = Array.from({ length: 16 }, (_, cell) => cell * 16);
  expect(strip).toEqual({ indices, cellWidth: 128, cellHeight: 72 });
  const bytes = readFileSync(output);
  expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  // Read back as a picture: FFmpeg opens a JPEG as a video of one frame.
  const picture = await probeVideo(output);
  expect(picture).toMatchObject({ width: 16 * 128, height: 72, codec: 'mjpeg' });
  const [frame] = await framesAt(file, pts, [48], { maxEdge: 128 });
  const [whole] = await framesAt(output, picture.pts, [0]);
  expect(near(pixel(whole, 3 * 128 + 40, 30), pixel(frame, 40, 30), 24)).toBe(true);
});

test('cells: the first keyframe in each, the first frame where there is none, nothing past the end', () => {
  const ticks = Array.from({ length: 100 }, (_, i) => i);
  const table = new PtsTable({
    timeBase: { num: 1, den: 25 },
    ticks,
    keys: [0, 30, 60, 90],
    end: 100,
    seekable: true,
  });
  expect(stripIndices(table, { stride: 16, strip: 0 })).toEqual([0, 30, 32, 60, 64, 90, 96]);
  expect(stripIndices(table, { stride: 1, strip: 6 })).toEqual([96, 97, 98, 99]);
  expect(stripIndices(table, { stride: 128, strip: 0 })).toEqual([0]);
});

test('perturbed pictures are the planned frames with their masks', async () => {
  const file = path.join(folder, 'moving.mp4');
  await encodeVideo(file, moving(16, 96, 64), {
    codec: 'h264',
    width: 96,
    height: 64,
    timeBase: { num: 1, den: 8 },
  });
  const { pts } = await probeVideo(file);
  const plan = planPerturbation([{ op: 'reverse' }, { op: 'blank', fill: [0, 200, 0] }], 1, 4);
  const indices = [0, 4, 8, 12];
  const nameOf = (k: number): string => path.join(folder, `given-${k}.jpg`);
  await makePerturbedPictures(file, pts, indices, plan, nameOf);
  const green = await framesAt(nameOf(3), (await probeVideo(nameOf(3))).pts, [0]);
  expect(near(pixel(green[0], 40, 30), [0, 200, 0], 8)).toBe(true);
  await makePerturbedPictures(file, pts, indices, planPerturbation([{ op: 'reverse' }], 1, 4), nameOf);
  // In the first place the last of the four: frame 12 has its square at column 48.
  const [first] = await framesAt(nameOf(0), (await probeVideo(nameOf(0))).pts, [0]);
  expect(near(pixel(first, 56, 18), [220, 30, 60], 24)).toBe(true);
  expect(near(pixel(first, 8, 18), [40, 40, 40], 10)).toBe(true);
});

test('pictures in both formats', () => {
  const frame = { data: new Uint8Array(32 * 32 * 3).fill(128), width: 32, height: 32 };
  expect(frameToPicture(frame, 'jpeg').subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
  expect(frameToPicture(frame, 'webp').subarray(8, 12).toString()).toBe('WEBP');
});
