/**
 * @file Makes what the media tests compare with, by the `ffprobe` and `ffmpeg` commands (not our own FFmpeg): the timestamps of every frame
 * and some pixels of three frames, for `../shared/clips` and for the tiny clips in `src-main/media/fixtures`.
 * `node scripts/media-truth.ts` rewrites `truth.jsonl`; with `--clips` it also makes the tiny clips anew.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMain } from '../src-main/platform/entries.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SHARED = path.resolve(ROOT, '../shared/clips');
const FIXTURES = path.join(ROOT, 'src-main/media/fixtures');
const VIDEO = /\.(mp4|mkv|mov|webm|avi|gif|ts)$/;

/** One clip's truth; a line of the file, with `clip`: its folder and name. */
export type Truth = {
  timeBase: [number, number];
  /** Best-effort timestamp of every frame, null where ffprobe has none. */
  ticks: (number | null)[];
  /** Size after rotation. */
  width: number;
  height: number;
  /** Frame index to the RGB of {@link SAMPLE_POINTS}, 48 numbers. */
  pixels: Record<string, number[]>;
};

/** Where pixels are compared: a 4 x 4 grid, as shares of width and height. */
export const SAMPLE_POINTS = [0.1, 0.37, 0.63, 0.9].flatMap((y) => [0.1, 0.37, 0.63, 0.9].map((x) => [x, y]));

/** RGB of the sample points of a frame. */
export function samplePixels(rgb: Uint8Array, width: number, height: number): number[] {
  return SAMPLE_POINTS.flatMap(([x, y]) => {
    const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    return [...rgb.subarray(at, at + 3)];
  });
}

/** ffmpeg arguments of each tiny clip: formats and oddities that the shared clips lack. */
const CLIPS: Record<string, string> = {
  'ten-bit.mp4': '-vf scale=96:64,gblur=sigma=4 -c:v libx264 -pix_fmt yuv420p10le -g 5',
  'hevc.mov': '-vf scale=96:64 -c:v libx265 -x265-params log-level=error:keyint=5 -bf 2 -tag:v hvc1',
  'b-frames.avi': '-vf scale=96:64 -c:v mpeg4 -bf 2 -q:v 6',
  'odd-size.webm': '-vf scale=65:49 -c:v libvpx-vp9 -cpu-used 8 -b:v 100k',
  'variable.mkv': "-vf scale=96:64,select='not(mod(n\\,7))+gt(mod(n\\,5)\\,2)' -vsync vfr -c:v libx264 -g 6",
  'animation.gif': '-vf scale=48:32,fps=10',
  'open-gop.mkv': '-vf scale=96:64 -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=10:min-keyint=4',
  'sound.avi': '-vf scale=48:32 -c:v mpeg4 -q:v 9 -c:a libmp3lame -b:a 32k',
  'raw-sound.avi': '-vf scale=48:32 -c:v mpeg4 -q:v 9 -c:a pcm_u8',
  'full-range.mp4':
    '-vf scale=96:64:out_range=full:out_color_matrix=bt709 -c:v libx264 -pix_fmt yuvj420p -colorspace bt709 -color_range pc',
};

function makeClips(): void {
  for (const [name, args] of Object.entries(CLIPS)) {
    const source = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=192x128:rate=25:duration=1.2'];
    const options = args.split(' ').map((arg) => arg.replaceAll("'", ''));
    const sound = name.includes('sound') ? '-f lavfi -i sine=sample_rate=16000:duration=1.2'.split(' ') : [];
    execFileSync('ffmpeg', [
      ...source,
      ...sound,
      ...options,
      '-fflags',
      '+bitexact',
      path.join(FIXTURES, name),
    ]);
  }
}

type Probe = {
  streams: { time_base: string }[];
  frames: { best_effort_timestamp?: number }[];
};

function truthOf(file: string): Truth {
  const probe = JSON.parse(
    execFileSync(
      'ffprobe',
      `-v error -select_streams v:0 -show_frames -show_streams -of json -show_entries`
        .split(' ')
        .concat('frame=best_effort_timestamp:stream=time_base', file),
      { maxBuffer: 1 << 30 },
    ).toString(),
  ) as Probe;
  const ticks = probe.frames.map((frame) => frame.best_effort_timestamp ?? null);
  const pixels: Truth['pixels'] = {};
  let size = { width: 0, height: 0 };
  for (const index of new Set([0, ticks.length >> 1, ticks.length - 1])) {
    // One frame by its number, rotated as players do; the size comes in the picture's own header.
    const ppm = execFileSync(
      'ffmpeg',
      [
        '-v',
        'error',
        '-i',
        file,
        '-map',
        '0:v:0',
        '-vf',
        `select=eq(n\\,${index})`,
        '-vsync',
        'passthrough',
      ].concat(['-frames:v', '1', '-pix_fmt', 'rgb24', '-c:v', 'ppm', '-f', 'image2pipe', '-']),
      { maxBuffer: 1 << 30 },
    );
    const [header, w, h] = /^P6\s(\d+) (\d+)\s255\s/.exec(ppm.subarray(0, 40).toString('latin1'))!;
    size = { width: Number(w), height: Number(h) };
    pixels[index] = samplePixels(ppm.subarray(header.length), size.width, size.height);
  }
  const [num, den] = probe.streams[0].time_base.split('/').map(Number);
  return { timeBase: [num, den], ticks, ...size, pixels };
}

if (isMain(import.meta.url)) {
  if (process.argv.includes('--clips')) makeClips();
  const truth: Record<string, Truth> = {};
  for (const [label, folder] of [
    ['shared', SHARED],
    ['fixtures', FIXTURES],
  ])
    for (const name of readdirSync(folder)
      .filter((n) => VIDEO.test(n))
      .sort())
      truth[`${label}/${name}`] = truthOf(path.join(folder, name));
  const lines = Object.entries(truth).map(([clip, known]) => JSON.stringify({ clip, ...known }));
  writeFileSync(path.join(FIXTURES, 'truth.jsonl'), `${lines.join('\n')}\n`);
  console.log(`${Object.keys(truth).length} clips written to ${path.relative(ROOT, FIXTURES)}/truth.jsonl`);
}
