/**
 * @file Media speed: frames decoded a second (in process, against the `ffmpeg` command where the machine has it), a whole import (probe), and
 * frames resized a second by each family's processor. Run: `node bench/media.ts [file]`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { framesAt, openVideo } from '../src-main/media/decode.ts';
import { ffmpegVersion } from '../src-main/media/ffmpeg.ts';
import { probeVideo } from '../src-main/media/probe.ts';
import { sampleLinspace } from '../src-main/models/frame-sampling.ts';
import { pixelValues, type PixelSettings } from '../src-main/models/pixels.ts';
import { isMain } from '../src-main/platform/entries.ts';

const CLIPS = path.resolve(import.meta.dirname, '../../shared/clips');
const HALVES = {
  rescale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  variant: 'torchvision' as const,
};

/** The processors' published settings. */
const PROCESSORS: Record<string, PixelSettings> = {
  'LLaVA-OneVision, bicubic to 384': {
    ...HALVES,
    width: 384,
    height: 384,
    longestEdgeFirst: null,
    filter: 'bicubic',
  },
  'SmolVLM2, Lanczos to 2048, then 512': {
    ...HALVES,
    width: 512,
    height: 512,
    longestEdgeFirst: 2048,
    filter: 'lanczos',
  },
};

/** Least of a few runs, in seconds: the machine may be busy with other things. */
async function best(runs: number, work: () => void | Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work();
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  return least;
}

/** Decodes the whole file as RGB, as the `ffmpeg` line below does. */
function decodeAll(file: string): void {
  const source = openVideo(file);
  try {
    while (source.next()) source.rgb();
  } finally {
    source.close();
  }
}

function ffmpegAll(file: string): boolean {
  const args = [
    '-v',
    'error',
    '-i',
    file,
    '-map',
    '0:v:0',
    '-fps_mode',
    'passthrough',
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
  ];
  return spawnSync('ffmpeg', [...args, '-y', os.devNull]).status === 0;
}

const row = (what: string, frames: number, seconds: number): void =>
  console.log(`${what.padEnd(52)} ${(frames / seconds).toFixed(1).padStart(9)} frames/s`);

/** Measures and prints the table for one file. */
async function benchMedia(file: string): Promise<void> {
  if (!existsSync(file))
    throw new Error(
      `${file}: expected a video to measure with, found none — pass one: node bench/media.ts FILE`,
    );
  const { pts, width, height, codec } = await probeVideo(file);
  const cpu = os.cpus()[0]?.model ?? 'unknown CPU';
  console.log(
    `machine  ${cpu}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}`,
  );
  console.log(
    `clip     ${path.basename(file)}: ${pts.length} frames of ${width}x${height} ${codec}; FFmpeg ${ffmpegVersion()}\n`,
  );
  row('decode to RGB, in process', pts.length, await best(3, () => decodeAll(file)));
  if (ffmpegAll(file))
    row('decode to RGB, the ffmpeg command', pts.length, await best(3, () => void ffmpegAll(file)));
  else console.log('decode to RGB, the ffmpeg command                    not on this machine');
  row('import: timestamps, hash, findings', pts.length, await best(3, () => probeVideo(file)));
  const indices = sampleLinspace(pts.length, 16);
  row('16 frames spread over the clip', 16, await best(3, () => framesAt(file, pts, indices)));
  const frames = await framesAt(file, pts, indices);
  for (const [name, settings] of Object.entries(PROCESSORS))
    row(`${name}`, 16, await best(2, () => void pixelValues(frames, 16, settings)));
  console.log(`\npeak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
}

if (isMain(import.meta.url)) await benchMedia(process.argv[2] ?? path.join(CLIPS, 'rrpo-sample.mp4'));
