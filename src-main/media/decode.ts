/**
 * @file Frames of a video by index: one pass for all that are asked for, jumping over stretches nobody wants, each frame checked
 * against the PTS table. One decoded frame is held at a time; calls yield to the event loop and can be aborted.
 */
import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RgbImage } from '../models/pixels.ts';
import { UserError } from '../platform/errors.ts';
import { VideoSource, type DecodedFrame } from './ffmpeg.ts';
import { readOrientation, turn } from './orientation.ts';
import type { FrameIndex, PtsTable } from './pts.ts';

/** A frame, upright, as RGB bytes [height, width, 3]. */
export type VideoFrame = RgbImage & { index: FrameIndex };

export type DecodeOptions = {
  signal?: AbortSignal;
  /** Longest edge of the frames in pixels, ratio kept; larger frames are made smaller. @default as stored */
  maxEdge?: number;
  /** Called after each wanted frame. */
  onProgress?: (done: number, total: number) => void;
  /** false: decode everything up to each frame (for comparison in tests). @default true */
  jump?: boolean;
};

/** Jumping costs about this many decoded frames: shorter gaps are decoded through. */
const WORTH_A_JUMP = 8;
/** Longest stretch of work between two turns of the event loop, milliseconds. */
const SLICE_MS = 20;

/** Lets the event loop run now and then, and stops at an abort. */
export function makeBreather(signal?: AbortSignal): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    signal?.throwIfAborted();
    if (performance.now() - last < SLICE_MS) return undefined;
    return nextTurn().then(() => {
      signal?.throwIfAborted();
      last = performance.now();
    });
  };
}

/**
 * The wanted frames, ascending and without repetition, whatever the order of `indices`. Turned upright. The caller may keep or drop
 * each; nothing else stays in memory.
 * @throws UserError NOT_FOUND, CORRUPT (unreadable), CONFLICT (not the frames of the table), BAD_INPUT (index outside); AbortError
 */
export async function* frames(
  file: string,
  table: PtsTable,
  indices: Iterable<number>,
  options: DecodeOptions = {},
): AsyncGenerator<VideoFrame> {
  const wanted = [...new Set(Array.from(indices, (i) => table.index(i)))].sort((a, b) => a - b);
  const breathe = makeBreather(options.signal);
  let source = openVideo(file);
  try {
    const { value: orientation } = readOrientation(source.info.displayMatrix);
    const size = fitWithin(source.info.width, source.info.height, options.maxEdge);
    let jumping = options.jump !== false && table.seekable;
    let next = 0; // the index of what source.next() gives
    let done = 0;
    for (const target of wanted) {
      const key = table.keyBefore(target);
      if (jumping && key - next >= WORTH_A_JUMP) {
        if (await landOn(source, table.ticks[key], breathe)) next = key + 1;
        else {
          // This container does not seek as its timestamps promise: from the start, and no more jumps.
          jumping = false;
          source.close();
          source = openVideo(file);
          next = 0;
        }
      }
      for (; next <= target; next++) {
        expectFrame(source, table, next);
        await breathe();
      }
      const image = { data: source.rgb(size.width, size.height), ...size };
      yield { ...turn(image, orientation), index: target };
      options.onProgress?.(++done, wanted.length);
    }
  } finally {
    source.close();
  }
}

/** The frames at `indices` in that order (repetitions allowed): what a model is given. Holds them all: for tens, not thousands. */
export async function framesAt(
  file: string,
  table: PtsTable,
  indices: readonly number[],
  options: DecodeOptions = {},
): Promise<VideoFrame[]> {
  const found = new Map<number, VideoFrame>();
  for await (const frame of frames(file, table, indices, options)) found.set(frame.index, frame);
  return indices.map((i) => found.get(i)!);
}

/** One frame. */
export async function frameByIndex(
  file: string,
  table: PtsTable,
  index: number,
  options: DecodeOptions = {},
): Promise<VideoFrame> {
  return (await framesAt(file, table, [index], options))[0];
}

/** Opens a video, with a missing file told apart from a broken one. `timesOnly`: for timestamps, not for pixels. */
export function openVideo(file: string, timesOnly = false): VideoSource {
  let bytes: number;
  try {
    const stat = statSync(file);
    if (!stat.isFile())
      throw new UserError('BAD_INPUT', `${file}: expected a file, got a folder`, 'Choose a video file.');
    bytes = stat.size;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new UserError(
      'NOT_FOUND',
      `${file}: expected a readable file, got ${code}`,
      'Check that the disk is there and the path is right, or import the video from where it is now.',
      { cause: error },
    );
  }
  if (bytes === 0)
    throw new UserError(
      'CORRUPT',
      `${file}: expected a video, got an empty file`,
      'Copy or download it again.',
    );
  return VideoSource.open(file, timesOnly);
}

/** Decodes one frame and checks that it is frame `index` of the table. */
export function expectFrame(source: VideoSource, table: PtsTable, index: number): DecodedFrame {
  const frame = source.next();
  if (frame && (frame.pts === null || frame.pts === table.ticks[index])) return frame;
  throw new UserError(
    'CONFLICT',
    `${source.file}: expected frame ${index} of ${table.length} at tick ${table.ticks[index]}, got ${frame ? `tick ${frame.pts}` : 'the end of the file'}`,
    'The file was replaced or damaged since it was imported: import it again.',
  );
}

/**
 * Seeks so that the current frame is the keyframe at `target` ticks. False unless the first frame that comes out is not later than it:
 * only then is every frame from there on decoded from complete references.
 */
async function landOn(
  source: VideoSource,
  target: number,
  breathe: () => Promise<void> | undefined,
): Promise<boolean> {
  if (!source.seek(target)) return false;
  for (let frame = source.next(); frame; frame = source.next()) {
    if (frame.pts === null || frame.pts > target) return false;
    if (frame.pts === target) return frame.key;
    await breathe();
  }
  return false;
}

/** The size with its longest edge at most `maxEdge`, ratio kept, at least 1 pixel. */
export function fitWithin(
  width: number,
  height: number,
  maxEdge = Infinity,
): { width: number; height: number } {
  const factor = Math.min(1, maxEdge / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}
