/**
 * @file `node scripts/numbered-clips.ts`: makes the clips in e2e/clips by the `ffmpeg` command: numbered frames (e2e/numbered.ts) in the
 * codecs and containers that our own encoder does not write.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { HEIGHT, numberPicture, WIDTH } from '../e2e/numbered.ts';

const FRAMES = 60;
const OUT = path.resolve(import.meta.dirname, '..', 'e2e', 'clips');

/** Name, and how it is written. */
const CLIPS: Record<string, string> = {
  // B-frames: decoding order is not showing order, so the MP4 has an edit list.
  'b-frames.mp4': '-c:v libx264 -bf 3 -g 15 -b_strategy 0',
  // The first frame is not at zero: MP4 says so by an empty edit, Matroska by its timestamps.
  'late.mp4': '-c:v libx264 -bf 2 -g 15 -output_ts_offset 1.5',
  'late.mkv': '-c:v libx264 -bf 2 -g 15 -output_ts_offset 1.5',
  // Chromium plays neither: shown through a proxy.
  'mpeg4.avi': '-c:v mpeg4 -bf 2 -g 15 -q:v 4',
  'hevc.mp4': '-c:v libx265 -x265-params log-level=error:keyint=15:bframes=3 -tag:v hvc1',
};

const raw = Buffer.concat(Array.from({ length: FRAMES }, (_, i) => numberPicture(i)));
const input = `-v error -y -f rawvideo -pix_fmt rgb24 -s ${WIDTH}x${HEIGHT} -r 25 -i -`.split(' ');
for (const [name, args] of Object.entries(CLIPS))
  execFileSync(
    'ffmpeg',
    [...input, ...args.split(' '), '-pix_fmt', 'yuv420p', '-fflags', '+bitexact', path.join(OUT, name)],
    { input: raw },
  );
console.log(`${Object.keys(CLIPS).length} clips written to e2e/clips`);
