/** @file Files that are not what they seem: each gives one UserError that names the file, and the process goes on; a cut file keeps its readable part. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Random } from '../platform/random.ts';
import { UserError } from '../platform/errors.ts';
import { runWithFileLimit } from '../platform/testing.ts';
import { framesAt } from './decode.ts';
import { makeStrip } from './filmstrip.ts';
import { probeVideo, type ProbeReport } from './probe.ts';
import { makeProxy } from './proxy.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const INDEX_FIRST = path.resolve(import.meta.dirname, '../../../shared/clips/edts.mp4');
const SAMPLE = path.resolve(import.meta.dirname, '../../../shared/clips/rrpo-sample.mp4');
const folder = mkdtempSync(path.join(tmpdir(), 'media-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, data: string | Uint8Array): string => {
  const file = path.join(folder, name);
  writeFileSync(file, data);
  return file;
};

/** The UserError of a probe, which must name the file and say what to do. */
async function failure(file: string): Promise<{ code: string; message: string }> {
  const error: unknown = await probeVideo(file).then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UserError)) throw error;
  expect(error.message.startsWith(`${file}: expected `)).toBe(true);
  expect(error.hint.length).toBeGreaterThan(10);
  return { code: error.code, message: error.message.slice(file.length + 2) };
}

/** A valid file of sound only: a second of silence as WAV. */
function silence(): Uint8Array {
  const samples = 8000;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // one channel
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(16_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  return wav;
}

test('a missing file, a folder, an empty file', async () => {
  expect(await failure(path.join(folder, 'nowhere.mp4'))).toEqual({
    code: 'NOT_FOUND',
    message: 'expected a readable file, got ENOENT',
  });
  mkdirSync(path.join(folder, 'folder.mp4'));
  expect(await failure(path.join(folder, 'folder.mp4'))).toEqual({
    code: 'BAD_INPUT',
    message: 'expected a file, got a folder',
  });
  expect(await failure(write('empty.mp4', ''))).toEqual({
    code: 'CORRUPT',
    message: 'expected a video, got an empty file',
  });
});

test('random bytes and text under a video name, twenty times over', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new Random(seed);
    const bytes = Uint8Array.from({ length: 1 + random.int(60_000) }, () => random.int(256));
    const { code } = await failure(
      write(`noise${seed}.${random.pick(['mp4', 'avi', 'mkv', 'webm', 'gif'])}`, bytes),
    );
    expect(['CORRUPT', 'BAD_INPUT', 'UNSUPPORTED']).toContain(code);
  }
  expect((await failure(write('text.mp4', 'Dear reader,\n'.repeat(400)))).code).toBe('CORRUPT');
});

test('sound without a picture', async () => {
  expect(await failure(write('sound.mp4', silence()))).toEqual({
    code: 'BAD_INPUT',
    message: 'expected a video stream, got only audio',
  });
});

test('a codec that nobody knows, by its four letters where the file has them', async () => {
  const matroska = readFileSync(path.join(FIXTURES, 'variable.mkv'));
  matroska.write('V_QQQQQ', matroska.indexOf('V_MPEG4'));
  expect(await failure(write('unknown.mkv', matroska))).toEqual({
    code: 'UNSUPPORTED',
    message: 'expected a codec that FFmpeg decodes, got one that it does not know',
  });
  const mp4 = readFileSync(INDEX_FIRST);
  mp4.write('XYZ9', mp4.indexOf('avc1', mp4.indexOf('stsd')));
  expect(await failure(write('unknown.mp4', mp4))).toEqual({
    code: 'UNSUPPORTED',
    message: 'expected a codec that FFmpeg decodes, got XYZ9, which it does not know',
  });
});

test('an MP4 without its index (its end was never written)', async () => {
  const bytes = readFileSync(path.join(FIXTURES, 'ten-bit.mp4'));
  const cut = bytes.subarray(0, bytes.indexOf('moov') - 4);
  expect(await failure(write('no-index.mp4', cut))).toEqual({
    code: 'CORRUPT',
    message:
      'expected a complete MP4 file, got one without its index (moov): it was cut off or never finished',
  });
});

test('a file cut in the middle keeps the frames that are there, and says that it was cut', async () => {
  const bytes = readFileSync(INDEX_FIRST); // its index stands at the front, so that a part can be read
  const cut = write('cut.mp4', bytes.subarray(0, Math.round(bytes.length * 0.6)));
  const whole = await probeVideo(INDEX_FIRST);
  const report = await probeVideo(cut);
  expect(report.pts.length).toBeGreaterThan(40);
  expect(report.pts.length).toBeLessThan(225);
  expect([...report.pts.ticks]).toEqual([...whole.pts.ticks.subarray(0, report.pts.length)]);
  const found = report.findings.find(({ code }) => code === 'truncated');
  expect(found?.severity).toBe('error');
  expect(found?.message).toMatch(/cut off/);
  expect(whole.findings.map(({ code }) => code)).toEqual(['non-square-pixels']);
  const frames = await framesAt(cut, report.pts, [0, 20]);
  expect(frames.map(({ index }) => index)).toEqual([0, 20]);
});

test.each(['variable.mkv', 'b-frames.avi', 'odd-size.webm', 'animation.gif', 'hevc.mov'])(
  'a %s cut anywhere is either read in part or refused in words',
  async (name) => {
    const bytes = readFileSync(path.join(FIXTURES, name));
    for (let tenth = 1; tenth < 10; tenth++) {
      const file = write(`cut${tenth}-${name}`, bytes.subarray(0, Math.round((bytes.length * tenth) / 10)));
      const report = await probeVideo(file).catch((error: unknown) => error);
      if (report instanceof UserError) expect(report.message).toContain(file);
      else if (report instanceof Error) throw report;
      else expect((report as ProbeReport).findings.map(({ code }) => code)).toContain('truncated');
    }
  },
);

test('bytes changed inside: decoded on, never a crash', async () => {
  const bytes = readFileSync(path.join(FIXTURES, 'variable.mkv'));
  const random = new Random('damage');
  for (let k = 0; k < 30; k++) {
    const copy = Buffer.from(bytes);
    for (let hit = 0; hit < 20; hit++) copy[600 + random.int(copy.length - 600)] = random.int(256);
    const file = write('damaged.mkv', copy);
    const report = await probeVideo(file).catch((error: unknown) => error);
    if (report instanceof Error && !(report instanceof UserError)) throw report;
  }
});

test('a file replaced since its import is noticed, by frames, filmstrips and proxies, and nothing is left behind', async () => {
  const file = path.join(folder, 'swapped.mkv');
  copyFileSync(path.join(FIXTURES, 'variable.mkv'), file);
  const { pts } = await probeVideo(file);
  copyFileSync(path.join(FIXTURES, 'open-gop.mkv'), file);
  const conflict = { code: 'CONFLICT', hint: expect.stringContaining('import it again') as string };
  await expect(framesAt(file, pts, [pts.length - 1], { jump: false })).rejects.toMatchObject(conflict);
  const place = { stride: 1, strip: 0 };
  await expect(makeStrip(file, pts, place, path.join(folder, 'swapped.jpg'))).rejects.toMatchObject(conflict);
  const output = path.join(folder, 'swapped.mp4');
  await expect(makeProxy(file, pts, output)).rejects.toMatchObject(conflict);
  expect(() => readFileSync(output)).toThrow('ENOENT');
});

test.runIf(process.platform !== 'win32').each(['mp4', 'webm'])(
  'a disk that fills up while a %s is written: the file is named, and no part of it stays',
  async (ending) => {
    const target = path.join(folder, 'full', `out.${ending}`);
    const said = await runWithFileLimit(
      40,
      `import { encodeVideo } from ${JSON.stringify(path.join(import.meta.dirname, 'encode.ts'))};
       import { randomBytes } from 'node:crypto';
       const frames = Array.from({ length: 30 }, (_, pts) => ({ rgb: randomBytes(64 * 64 * 3), pts }));
       const options = { codec: '${ending === 'mp4' ? 'h264' : 'vp9'}', width: 64, height: 64, timeBase: { num: 1, den: 10 } };
       await encodeVideo(${JSON.stringify(target)}, frames, options).catch((e) => console.log(e.name, e.code, e.message));`,
    );
    expect(said).toContain(`UserError DISK_FULL ${target}: expected room to write this file, got EFBIG: `);
    expect(readdirSync(path.dirname(target))).toEqual([]);
  },
);

test('asking for a frame that is not there, and stopping', async () => {
  const { pts } = await probeVideo(SAMPLE);
  await expect(framesAt(SAMPLE, pts, [161])).rejects.toThrow(
    'expected a whole number from 0 to 160, got 161',
  );
  const signal = AbortSignal.timeout(1);
  await expect(framesAt(SAMPLE, pts, [...pts.ticks.keys()], { signal })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await expect(probeVideo(SAMPLE, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  });
});
