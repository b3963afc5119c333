/** @file Real clips against the truth that `ffprobe` and `ffmpeg` gave (`scripts/media-truth.ts`), and against ffprobe itself where the machine has it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { samplePixels, type Truth } from '../../scripts/media-truth.ts';
import { framesAt } from './decode.ts';
import { probeVideo, type ProbeReport } from './probe.ts';
import { PtsTable } from './pts.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const FOLDERS: Record<string, string> = {
  shared: path.resolve(import.meta.dirname, '../../../shared/clips'),
  fixtures: FIXTURES,
};
const TRUTH = readFileSync(path.join(FIXTURES, 'truth.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Truth & { clip: string });

const fileOf = (clip: string): string => {
  const [folder, name] = clip.split('/');
  const file = path.join(FOLDERS[folder], name);
  if (!existsSync(file))
    throw new Error(
      `${file}: expected the test clip, found none — check out the shared folder beside the project`,
    );
  return file;
};

/** Each file is probed once. */
const reports = new Map<string, ProbeReport>();
async function report(clip: string): Promise<ProbeReport> {
  const known = reports.get(clip) ?? (await probeVideo(fileOf(clip)));
  reports.set(clip, known);
  return known;
}

const USABLE = TRUTH.filter(({ ticks }) => ticks.length > 0);
const md5 = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');

describe.each(USABLE)('$clip', (truth) => {
  test('every frame has the timestamp that ffprobe gives it', async () => {
    const { pts, width, height } = await report(truth.clip);
    expect([pts.timeBase.num, pts.timeBase.den]).toEqual(truth.timeBase);
    expect(pts.length).toBe(truth.ticks.length);
    expect(Array.from(pts.ticks, (tick, i) => (truth.ticks[i] === null ? null : tick))).toEqual(truth.ticks);
    expect([width, height]).toEqual([truth.width, truth.height]);
  });

  test('frames found by jumping, by decoding everything before, and by the ffmpeg command are the same', async () => {
    const { pts, width, height } = await report(truth.clip);
    const indices = Object.keys(truth.pixels).map(Number);
    // Decoding all of a large clip takes seconds: there the comparison is with ffmpeg only, at the ends.
    const large = width * height > 1e6;
    if (large) indices.splice(1, 1);
    const decoded = large ? [] : await framesAt(fileOf(truth.clip), pts, indices, { jump: false });
    for (const [k, index] of indices.entries()) {
      const [jumped] = await framesAt(fileOf(truth.clip), pts, [index]);
      if (!large) expect(md5(jumped.data)).toBe(md5(decoded[k].data));
      const want = truth.pixels[index];
      const got = samplePixels(jumped.data, width, height);
      // 10-bit colour is interpolated otherwise by the FFmpeg 5 that made the truth (so that clip is blurred); 8-bit is equal but for rounding on other CPUs.
      const slack = truth.clip.includes('ten-bit') ? 8 : 2;
      expect(Math.max(...got.map((v, i) => Math.abs(v - want[i])))).toBeLessThanOrEqual(slack);
    }
  });

  test('the table finds each frame by its time, and survives storage', async () => {
    const { pts } = await report(truth.clip);
    const back = PtsTable.fromBytes(pts.toBytes());
    expect(back.ticks).toEqual(pts.ticks);
    expect(back.keys).toEqual(pts.keys);
    expect([back.end, back.seekable]).toEqual([pts.end, pts.seekable]);
    for (let i = 0; i < pts.length; i++) {
      // Of frames with one and the same time a player shows the last.
      const shown = pts.ticks.lastIndexOf(pts.ticks[i]);
      expect(back.frameAt(pts.start(i))).toBe(shown);
      expect(back.frameAt((pts.start(i) + pts.stop(i)) / 2)).toBe(shown);
    }
  });
});

test.runIf(existsSync('/usr/bin/ffprobe'))('the stored truth is what ffprobe says today', () => {
  for (const { clip, ticks } of TRUTH) {
    const args = '-v error -select_streams v:0 -show_entries frame=best_effort_timestamp -of csv=p=0';
    const lines = execFileSync('ffprobe', [...args.split(' '), fileOf(clip)])
      .toString()
      .split('\n')
      .filter((line) => /^(\d|N)/.test(line));
    expect(lines.map((line) => (line.startsWith('N/A') ? null : Number.parseInt(line)))).toEqual(ticks);
  }
});

test('a clip without one frame is refused in plain words, naming what is wrong with it', async () => {
  const said = (clip: string): Promise<string> =>
    report(clip).then(
      () => 'it was accepted',
      (error: Error) => error.message.replace(fileOf(clip), 'FILE'),
    );
  expect(TRUTH.filter((t) => !USABLE.includes(t)).map(({ clip }) => clip)).toEqual([
    'fixtures/audio-only.mp4',
    'fixtures/zero-frames.mp4',
  ]);
  expect(await said('fixtures/audio-only.mp4')).toBe('FILE: expected a video stream, got only audio');
  expect(await said('fixtures/zero-frames.mp4')).toBe(
    'FILE: expected video frames, got an empty h264 track: its recording ended before the first frame',
  );
});

/** Clips about which an import has something to say; of every other one, nothing. */
const REMARKS: Record<string, string[]> = {
  'b-frames.avi': ['missing-timestamps'],
  'no-times.h264': ['missing-timestamps'],
  'numbered-mpeg4.avi': ['missing-timestamps'],
  'numbered-same-times.mkv': ['duplicate-timestamps'],
  'numbered-variable.mp4': ['variable-frame-rate'],
  'raw-sound.avi': ['proxy-without-sound'],
  'same-times.mkv': ['duplicate-timestamps'],
  'sound.avi': ['variable-frame-rate'],
  'truncated.avi': ['truncated'],
  'truncated.mp4': ['truncated'],
  'variable.mkv': ['variable-frame-rate'],
};

test('each clip is described in plain words, and nothing is said about the sound ones', async () => {
  for (const { clip } of USABLE.filter((t) => t.clip.startsWith('fixtures/'))) {
    const { findings } = await report(clip);
    expect([clip, findings.map(({ code }) => code)]).toEqual([clip, REMARKS[path.basename(clip)] ?? []]);
  }
});

test('the shared clips are described in plain words', async () => {
  const words = async (clip: string): Promise<string[]> =>
    (await report(`shared/${clip}`)).findings.map(({ code }) => code);
  expect(await words('rrpo-sample.mp4')).toEqual([]);
  expect(await words('cursed-vfr.mp4')).toEqual(['variable-frame-rate']);
  expect((await report('shared/cursed-vfr.mp4')).findings[0].message).toBe(
    'Variable frame rate: frames are shown for 5.3 to 1570.0 ms each.',
  );
  expect(await words('edts.mp4')).toEqual(['non-square-pixels']);
  expect(await report('shared/rotate-buck-bunny.mp4')).toMatchObject({
    rotation: 90,
    width: 1080,
    height: 1920,
  });
  expect(await report('shared/rrpo-sample.mp4')).toMatchObject({
    sha256: '9f494168f96b0c222da4f4d731f241d90a7a792b171084d6e6fa7dc6af13f765',
    container: 'mp4',
    codec: 'h264',
    audioCodec: 'aac',
    frameRate: 'constant',
  });
});

test('what browsers play and what needs a proxy', async () => {
  const playable = async (clip: string): Promise<boolean> => (await report(clip)).playable.value;
  expect(await playable('shared/lf-1.mp4')).toBe(true);
  expect(await playable('fixtures/odd-size.webm')).toBe(true);
  expect(await playable('fixtures/variable.mkv')).toBe(true);
  expect(await playable('fixtures/ten-bit.mp4')).toBe(true);
  expect((await report('shared/lf-2.avi')).playable).toEqual({
    value: false,
    reason: 'browsers do not open AVI files',
  });
  expect((await report('shared/video-h265.mp4')).playable.reason).toContain('hevc');
  expect(await playable('fixtures/animation.gif')).toBe(false);
});
