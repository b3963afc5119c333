/**
 * @file Makes what the media tests compare with, by the `ffprobe` and `ffmpeg` commands (not our own FFmpeg): the timestamps of every frame
 * and some pixels of three frames, for `../shared/clips` and for the tiny clips in `src-main/media/fixtures`.
 * `node scripts/media-truth.ts` rewrites `truth.jsonl`; with `--clips` it also makes the tiny clips anew.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMain } from '../src-main/platform/entries.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SHARED = path.resolve(ROOT, '../shared/clips');
const FIXTURES = path.join(ROOT, 'src-main/media/fixtures');
const VIDEO = /\.(mp4|mkv|mov|webm|avi|gif|m2ts|h264)$/;

/** One clip's truth; a line of the file, with `clip`: its folder and name. */
export type Truth = {
  timeBase: [number, number];
  /** Best-effort timestamp of every frame, null where ffprobe has none; no frames: the clip cannot be used. */
  ticks: (number | null)[];
  /** Size after rotation. */
  width: number;
  height: number;
  /** Frame index to the RGB of {@link SAMPLE_POINTS}, 48 numbers. */
  pixels: Record<string, number[]>;
};

/** Where pixels are compared: a 4 x 4 grid, as shares of width and height. */
const SAMPLE_POINTS = [0.1, 0.37, 0.63, 0.9].flatMap((y) => [0.1, 0.37, 0.63, 0.9].map((x) => [x, y]));

/** RGB of the sample points of a frame. */
export function samplePixels(rgb: Uint8Array, width: number, height: number): number[] {
  return SAMPLE_POINTS.flatMap(([x, y]) => {
    const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    return [...rgb.subarray(at, at + 3)];
  });
}

const TEST_PICTURE = 'testsrc2=size=192x128:rate=25:duration=1.2';
const SMALL_PICTURE = 'testsrc2=size=96x64:rate=25:duration=1.2';
/**
 * 180 frames that carry their own number: column k of eight is white where bit k of the number is set. The filter stands last, so the number
 * is the index among the frames that are encoded.
 */
const PLAIN_PICTURE = 'color=size=64x48:rate=25:duration=7.2';
const NUMBERED = 'geq=lum=16+219*mod(floor(N/pow(2\\,floor(X*8/W)))\\,2):cb=128:cr=128,format=yuv420p';
const X265 = '-c:v libx265 -x265-params log-level=error:keyint=24';

/** How one tiny clip is made. */
type Clip = {
  /** ffmpeg arguments between source and file. */
  args: string;
  /** What is filmed. @default {@link SMALL_PICTURE} */
  source?: string;
  /** A changed copy of the bytes that ffmpeg wrote. */
  after?: (bytes: Buffer) => Buffer;
};

/** Display matrices (a b c d) of MP4: what a player does to each stored picture. */
const TURN = {
  90: [0, 1, -1, 0],
  180: [-1, 0, 0, -1],
  270: [0, -1, 1, 0],
  mirrored: [-1, 0, 0, 1],
  upsideDown: [1, 0, 0, -1],
};

/** Writes the matrix into the (first) track header; ffmpeg 5 cannot be asked for mirrored ones. */
const turned =
  ([a, b, c, d]: number[]) =>
  (bytes: Buffer): Buffer => {
    const version = bytes[bytes.indexOf('tkhd') + 4];
    const at = bytes.indexOf('tkhd') + 8 + (version === 0 ? 20 : 32) + 16;
    for (const [i, value] of [a, b, 0, c, d].entries()) bytes.writeInt32BE(value * 65_536, at + i * 4);
    return bytes;
  };
const cutAt =
  (share: number) =>
  (bytes: Buffer): Buffer =>
    bytes.subarray(0, Math.round(bytes.length * share));

/** Formats and oddities that the shared clips lack. */
const CLIPS: Record<string, Clip> = {
  'ten-bit.mp4': {
    source: TEST_PICTURE,
    args: '-vf scale=96:64,gblur=sigma=4 -c:v libx264 -pix_fmt yuv420p10le -g 5',
  },
  'hevc.mov': {
    source: TEST_PICTURE,
    args: '-vf scale=96:64 -c:v libx265 -x265-params log-level=error:keyint=5 -bf 2 -tag:v hvc1',
  },
  'b-frames.avi': { source: TEST_PICTURE, args: '-vf scale=96:64 -c:v mpeg4 -bf 2 -q:v 6' },
  'odd-size.webm': { source: TEST_PICTURE, args: '-vf scale=65:49 -c:v libvpx-vp9 -cpu-used 8 -b:v 100k' },
  'variable.mkv': {
    source: TEST_PICTURE,
    args: '-vf scale=96:64,select=not(mod(n\\,7))+gt(mod(n\\,5)\\,2) -vsync vfr -c:v libx264 -g 6',
  },
  'animation.gif': { source: TEST_PICTURE, args: '-vf scale=48:32,fps=10' },
  'open-gop.mkv': {
    source: TEST_PICTURE,
    args: '-vf scale=96:64 -c:v libx264 -bf 3 -x264-params open-gop=1:keyint=10:min-keyint=4',
  },
  'sound.avi': {
    source: TEST_PICTURE,
    args: '-f lavfi -i sine=sample_rate=16000:duration=1.2 -vf scale=48:32 -c:v mpeg4 -q:v 9 -c:a libmp3lame -b:a 32k',
  },
  'raw-sound.avi': {
    source: TEST_PICTURE,
    args: '-f lavfi -i sine=sample_rate=16000:duration=1.2 -vf scale=48:32 -c:v mpeg4 -q:v 9 -c:a pcm_u8',
  },
  'full-range.mp4': {
    source: TEST_PICTURE,
    args: '-vf scale=96:64:out_range=full:out_color_matrix=bt709 -c:v libx264 -pix_fmt yuvj420p -colorspace bt709 -color_range pc',
  },
  'rotated-90.mp4': { args: '-c:v libx264 -g 10', after: turned(TURN[90]) },
  'rotated-180.mov': { args: '-c:v libx264 -g 10', after: turned(TURN[180]) },
  'rotated-270.mp4': { args: '-c:v libx264 -g 10', after: turned(TURN[270]) },
  'mirrored.mp4': { args: '-c:v libx264 -g 10', after: turned(TURN.mirrored) },
  'upside-down.mp4': { args: '-c:v libx264 -g 10', after: turned(TURN.upsideDown) },
  'truncated.mp4': { args: '-c:v libx264 -bf 2 -g 10 -movflags +faststart', after: cutAt(0.6) },
  'truncated.avi': { args: '-c:v mpeg4 -q:v 8', after: cutAt(0.6) },
  // A recording that ended before its first fragment: the header of a track, and nothing in it.
  'zero-frames.mp4': {
    args: '-c:v libx264 -movflags empty_moov+frag_keyframe+default_base_moof',
    after: (bytes) => bytes.subarray(0, bytes.indexOf('moof') - 4),
  },
  'audio-only.mp4': { source: 'sine=sample_rate=16000:duration=0.5', args: '-c:a aac -b:a 24k' },
  'hevc.mp4': { args: `${X265} -tag:v hvc1` },
  'ten-bit-hevc.mkv': { args: `-vf gblur=sigma=4 ${X265} -pix_fmt yuv420p10le` },
  'odd-size.mp4': { args: '-vf scale=47:33,setsar=1 -c:v libx264 -pix_fmt yuv444p -g 10' },
  'prores.mov': { args: '-vf scale=64:48 -c:v prores_ks -profile:v 0 -frames:v 12' },
  'vp8.webm': { args: '-c:v libvpx -b:v 60k' },
  'mjpeg.avi': { args: '-vf scale=48:32 -c:v mjpeg -q:v 20 -pix_fmt yuvj420p' },
  // Its 13 first frames are there for the decoder only: an edit list hides them.
  'edit-list.mp4': {
    args: '-c:v libx264 -g 30 -bf 2 -f matroska pipe:1 | ffmpeg -ss 0.5 -f matroska -i pipe:0 -c copy',
  },
  // The picture begins 0.48 s after the sound: an empty edit.
  'late-picture.mp4': {
    args: '-f lavfi -i sine=sample_rate=16000:duration=1.7 -vf setpts=PTS+0.48/TB -c:v libx264 -c:a aac -b:a 16k',
  },
  'start-at-3.mkv': { args: '-c:v libx264 -g 10 -output_ts_offset 3.5' },
  'start-at-100.m2ts': { args: '-c:v libx264 -bf 2 -g 10 -output_ts_offset 100 -f mpegts' },
  // A bare stream has no timestamps at all.
  'no-times.h264': { args: '-c:v libx264 -bf 2 -g 10 -f h264' },
  // 1500 frames a second in a container that counts milliseconds: every third time comes twice.
  'same-times.mkv': { source: 'testsrc2=size=96x64:rate=1500:duration=0.02', args: '-c:v mpeg4 -q:v 8' },
  'numbered-hevc.mp4': { source: PLAIN_PICTURE, args: `-vf ${NUMBERED} ${X265} -tag:v hvc1` },
  'numbered-mpeg4.avi': { source: PLAIN_PICTURE, args: `-vf ${NUMBERED} -c:v mpeg4 -bf 2 -q:v 6` },
  'numbered.gif': { source: PLAIN_PICTURE, args: `-vf ${NUMBERED}` },
  'numbered-variable.mp4': {
    source: PLAIN_PICTURE,
    args: `-vf setpts=(N+0.1*mod(N*N\\,7))/25/TB,${NUMBERED} -vsync vfr -enc_time_base 1:1000 ${X265}`,
  },
  'numbered-rotated.mov': {
    source: PLAIN_PICTURE,
    args: `-vf ${NUMBERED} ${X265} -tag:v hvc1`,
    after: turned(TURN[90]),
  },
  'numbered-same-times.mkv': {
    source: 'color=size=64x48:rate=1500:duration=0.12',
    args: `-vf ${NUMBERED} -c:v mpeg4 -q:v 6`,
  },
};

function makeClips(): void {
  for (const [name, { source = SMALL_PICTURE, args, after }] of Object.entries(CLIPS)) {
    const file = path.join(FIXTURES, name);
    // Through a shell for the one pipe; the backslashes are for ffmpeg's filter parser.
    const command = `ffmpeg -v error -y -f lavfi -i ${source} ${args.replace(/\((?=\S)|\)|\\/g, '\\$&')} -fflags +bitexact`;
    execFileSync('bash', [
      '-c',
      `set -o pipefail; ${command.replace('| ffmpeg', '| ffmpeg -v error -y')} ${file}`,
    ]);
    if (after) writeFileSync(file, after(readFileSync(file)));
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
  // No frame (sound only, an empty recording): there is nothing more to know.
  if (ticks.length === 0) return { timeBase: [1, 1], ticks, ...size, pixels };
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
