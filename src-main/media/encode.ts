/** @file Video files from RGB frames: what the sample-world generator and the tests write. Atomic, cancellable, one frame in memory. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { writeAtomically } from '../platform/files.ts';
import { asSystemError, VideoSink, type SinkOptions } from './ffmpeg.ts';

/** One picture of a video being written. */
export type TimedRgb = {
  /** [height, width, 3]; may be reused by the caller after the next frame is asked for. */
  rgb: Uint8Array;
  /** When it is shown, in ticks of the time base; rising. */
  pts: number;
  /** Ticks; matters for the last frame. @default 0: until the next */
  duration?: number;
};

/** How to write a video; see {@link SinkOptions} for the fields and their defaults. */
export type EncodeOptions = Omit<SinkOptions, 'like' | 'soundOf'> & { signal?: AbortSignal };

/**
 * Writes `frames` to `file`: MP4 with H.264 (8-bit 4:2:0, index at the front) or WebM with VP9, colours as BT.709 limited range.
 * Equal frames and options give equal bytes (one encoder thread, no dates). The file appears when it is complete, or not at all.
 * @returns the number of frames written
 * @throws UserError BAD_INPUT for an odd size with H.264; AbortError when cancelled
 */
export async function encodeVideo(
  file: string,
  frames: Iterable<TimedRgb> | AsyncIterable<TimedRgb>,
  options: EncodeOptions,
): Promise<number> {
  let count = 0;
  await writeVideoAtomically(file, async (temporary) => {
    const sink = VideoSink.create(temporary, options);
    try {
      for await (const { rgb, pts, duration } of frames) {
        sink.addRgb(rgb, pts, duration);
        // Encoding is synchronous: let messages, timers and the abort in between.
        if (++count % 8 === 0) await nextTurn();
        options.signal?.throwIfAborted();
      }
      sink.finish();
    } finally {
      sink.close();
    }
  });
  return count;
}

/** {@link writeAtomically} for what FFmpeg writes: its codes become the system's errors, so that a full disk is told as one. */
export function writeVideoAtomically(
  file: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  return writeAtomically(file, (temporary) =>
    write(temporary).catch((error: unknown) => {
      throw asSystemError(error);
    }),
  );
}
