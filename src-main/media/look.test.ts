/** @file Looks: re-encodes of one video have the same, and no two clips of the sample world do. `RRPO_PRINT=1` prints the distances. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { frames, framesAt } from './decode.ts';
import { encodeVideo, type TimedRgb } from './encode.ts';
import { lookOf, meanOf, MEAN_SLACK, sameLook } from './look.ts';
import { probeVideo } from './probe.ts';
import { makeProxy } from './proxy.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const CLIPS = path.resolve(import.meta.dirname, '../../resources/sample/clips');
const SHARED = path.resolve(import.meta.dirname, '../../../shared/clips');
const folder = mkdtempSync(path.join(tmpdir(), 'media-look-'));
afterAll(() => rmSync(folder, { recursive: true }));

const look = async (file: string): Promise<Uint8Array> => lookOf(file, (await probeVideo(file)).pts);

type Distance = { rms: number; strong: number; largest: number };

/** How far apart two looks are, as `sameLook` sees it: the nearest of three pictures at each of eight moments. */
function distance(a: Uint8Array, b: Uint8Array): Distance {
  const [there, back] = [oneWay(a, b), oneWay(b, a)];
  return there.strong < back.strong || (there.strong === back.strong && there.rms < back.rms) ? there : back;
}

/** The root mean square difference, and values that differ by more than 48 levels. */
function oneWay(a: Uint8Array, b: Uint8Array): Distance {
  const size = a.length / 24;
  let [squares, strong, largest] = [0, 0, 0];
  for (let moment = 0; moment < 8; moment++) {
    let best = { squares: Infinity, strong: 0, largest: 0 };
    for (let k = 0; k < 3; k++) {
      const far = { squares: 0, strong: 0, largest: 0 };
      for (let i = 0; i < size; i++) {
        const d = Math.abs(a[(3 * moment + 1) * size + i] - b[(3 * moment + k) * size + i]);
        far.squares += d * d;
        if (d > 48) far.strong++;
        if (d > far.largest) far.largest = d;
      }
      if (far.squares < best.squares) best = far;
    }
    squares += best.squares;
    strong += best.strong;
    largest = Math.max(largest, best.largest);
  }
  return { rms: Math.sqrt(squares / (8 * size)), strong, largest };
}

function print(what: string, { rms, strong, largest }: Distance): void {
  if (process.env.RRPO_PRINT)
    process.stdout.write(`${what}: rms ${rms.toFixed(1)}, strong ${strong}, largest ${largest}\n`);
}

function expectSame(what: string, a: Uint8Array, b: Uint8Array): void {
  print(what, distance(a, b));
  expect([what, sameLook(a, b), sameLook(b, a)]).toEqual([what, true, true]);
  expect(Math.abs(meanOf(a) - meanOf(b))).toBeLessThan(MEAN_SLACK);
}

/** The frames of `file` at another size, as a careless tool would write them: strongly compressed VP9. */
async function shrunken(file: string, name: string): Promise<string> {
  const { pts } = await probeVideo(file);
  const output = path.join(folder, name);
  const [first] = await Array.fromAsync(frames(file, pts, [0], { maxEdge: 100 }));
  async function* pictures(): AsyncGenerator<TimedRgb> {
    for await (const { data, index } of frames(file, pts, pts.ticks.keys(), { maxEdge: 100 }))
      yield { rgb: data, pts: pts.ticks[index], duration: 1 };
  }
  const { width, height } = first;
  await encodeVideo(output, pictures(), { codec: 'vp9', width, height, timeBase: pts.timeBase, quality: 50 });
  return output;
}

/** `file` converted to another frame rate, as players do it: what is shown at each of its times, later or more often. */
async function atRate(file: string, rate: number): Promise<string> {
  const { pts } = await probeVideo(file);
  const shown = Array.from({ length: Math.round(pts.duration * rate) }, (_, k) =>
    pts.frameAt(pts.start(0) + k / rate),
  );
  const pictures = await framesAt(file, pts, shown, { maxEdge: 100 });
  const output = path.join(folder, `${path.basename(file)}-${rate}.mp4`);
  const { width, height } = { width: pictures[0].width & ~1, height: pictures[0].height & ~1 };
  const timed = pictures.map(({ data, width: whole }, k): TimedRgb => ({
    rgb: cropped(data, whole, width, height),
    pts: k,
    duration: 1,
  }));
  await encodeVideo(output, timed, { codec: 'h264', width, height, timeBase: { num: 1, den: rate } });
  return output;
}

/** The upper left of a picture: H.264 takes even sizes only. */
function cropped(rgb: Uint8Array, from: number, width: number, height: number): Uint8Array {
  if (from === width) return rgb.subarray(0, width * height * 3);
  const rows = Array.from({ length: height }, (_, y) => rgb.subarray(y * from * 3, (y * from + width) * 3));
  return new Uint8Array(Buffer.concat(rows));
}

test('no two of the 96 sample clips look the same', async () => {
  const names = readdirSync(CLIPS).sort();
  expect(names).toHaveLength(96);
  const looks = [];
  for (const name of names) looks.push(await look(path.join(CLIPS, name)));
  const alike: string[] = [];
  let nearest: Distance = { rms: Infinity, strong: Infinity, largest: 0 };
  for (const [i, a] of looks.entries())
    for (const [j, b] of looks.slice(0, i).entries()) {
      if (sameLook(a, b)) alike.push(`${names[i]} ${names[j]}`);
      const far = distance(a, b);
      if (far.strong < nearest.strong) nearest = far;
    }
  print(`nearest of ${(names.length * (names.length - 1)) / 2} pairs of different clips`, nearest);
  expect(alike).toEqual([]);
  // Far from the limit of 8: the rule does not hang on one value.
  expect(nearest.strong).toBeGreaterThan(30);
});

test.each([
  ...['clip-0001.mp4', 'clip-0019.webm', 'clip-0031.mp4', 'clip-0055.mp4'].map((name) =>
    path.join(CLIPS, name),
  ),
  path.join(SHARED, 'lf-1.mp4'),
  path.join(SHARED, 'rrpo-sample.mp4'),
  path.join(FIXTURES, 'rotated-90.mp4'),
])('%s: a proxy, a smaller one, and strongly compressed VP9 look the same', async (file) => {
  const { pts } = await probeVideo(file);
  const own = await lookOf(file, pts);
  const proxy = path.join(folder, `${path.basename(file)}.proxy.mp4`);
  for (const maxEdge of [1920, 64]) {
    await makeProxy(file, pts, proxy, { maxEdge });
    expectSame(`${path.basename(file)} at ${maxEdge}`, own, await look(proxy));
  }
  expectSame(
    `${path.basename(file)} as VP9`,
    own,
    await look(await shrunken(file, `${path.basename(file)}.webm`)),
  );
});

test.each([
  ['rrpo-sample.mp4', [15, 24, 25]],
  ['lf-1.mp4', [15, 60]],
])('%s at other frame rates looks the same', async (name, rates) => {
  const file = path.join(SHARED, name);
  const own = await look(file);
  for (const rate of rates) expectSame(`${name} at ${rate}`, own, await look(await atRate(file, rate)));
});

test('one picture in five codecs and containers looks the same, turned or mirrored it does not', async () => {
  const hevc = await look(path.join(FIXTURES, 'hevc.mp4'));
  for (const name of ['vp8.webm', 'start-at-3.mkv', 'start-at-100.m2ts', 'late-picture.mp4'])
    expectSame(name, hevc, await look(path.join(FIXTURES, name)));
  for (const name of ['rotated-180.mov', 'mirrored.mp4', 'upside-down.mp4'])
    expect([name, sameLook(hevc, await look(path.join(FIXTURES, name)))]).toEqual([name, false]);
  const numbered = await look(path.join(FIXTURES, 'numbered-hevc.mp4'));
  for (const name of ['numbered-mpeg4.avi', 'numbered.gif'])
    expectSame(name, numbered, await look(path.join(FIXTURES, name)));
});

/** A square of `edge` pixels on a plain ground of 128 x 128 that goes from one side to the other in 24 frames. */
function* crossing(edge: number, colour: number[], direction: 1 | -1): Generator<TimedRgb> {
  for (let n = 0; n < 24; n++) {
    const rgb = new Uint8Array(128 * 128 * 3).fill(60);
    const left = 2 + (direction > 0 ? n : 23 - n) * 5;
    for (let y = 60; y < 60 + edge; y++)
      for (let x = left; x < left + edge; x++) rgb.set(colour, (y * 128 + x) * 3);
    yield { rgb, pts: n, duration: 1 };
  }
}

test('a small thing on the same ground that goes the other way, or has another colour, is another clip', async () => {
  const make = async (name: string, pictures: Iterable<TimedRgb>): Promise<Uint8Array> => {
    const options = { codec: 'h264', width: 128, height: 128, timeBase: { num: 1, den: 12 } } as const;
    await encodeVideo(path.join(folder, name), pictures, options);
    return look(path.join(folder, name));
  };
  const right = await make('right.mp4', crossing(8, [220, 30, 30], 1));
  const others = {
    left: await make('left.mp4', crossing(8, [220, 30, 30], -1)),
    blue: await make('blue.mp4', crossing(8, [30, 60, 220], 1)),
    larger: await make('larger.mp4', crossing(14, [220, 30, 30], 1)),
  };
  for (const [name, other] of Object.entries(others)) {
    print(name, distance(right, other));
    expect([name, sameLook(right, other)]).toEqual([name, false]);
  }
  expectSame('again', right, await look(await shrunken(path.join(folder, 'right.mp4'), 'right.webm')));
});
