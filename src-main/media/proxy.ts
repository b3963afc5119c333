/**
 * @file A stand-in for a video that the browser cannot play: H.264 in MP4 with exactly the same frames at the same times, so that a
 * frame index means the same in both. For the player only; models are given frames of the original.
 */
import { expectFrame, fitWithin, makeBreather, openVideo } from './decode.ts';
import { writeVideoAtomically } from './encode.ts';
import { VideoSink } from './ffmpeg.ts';
import type { PtsTable } from './pts.ts';

export type ProxyOptions = {
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
  /** Longest edge in pixels; larger videos are made smaller. @default 1920 */
  maxEdge?: number;
};

/**
 * Transcodes `file` to `output`: every frame of the table, a keyframe every 12 for quick seeking, rotation and colours kept, the sound copied when
 * browsers play it (AAC, MP3, FLAC, Opus). Frames
 * with the same timestamp as the one before are moved on by one tick, because encoders refuse equal times.
 * @returns the number of frames
 * @throws UserError as opening does; CONFLICT when the file is not the one of the table; AbortError. Nothing half-written stays.
 */
export async function makeProxy(
  file: string,
  table: PtsTable,
  output: string,
  options: ProxyOptions = {},
): Promise<number> {
  const breathe = makeBreather(options.signal);
  const source = openVideo(file);
  try {
    const { info } = source;
    const size = fitWithin(info.width, info.height, options.maxEdge ?? 1920);
    const even = (n: number): number => Math.max(2, n & ~1);
    const times = table.risingTicks();
    await writeVideoAtomically(output, async (temporary) => {
      const sink = VideoSink.create(temporary, {
        codec: 'h264',
        width: even(size.width),
        height: even(size.height),
        timeBase: table.timeBase,
        quality: 21,
        preset: 'veryfast',
        gop: 12,
        threads: 0,
        like: source,
        soundOf: file,
      });
      try {
        for (let i = 0; i < table.length; i++) {
          expectFrame(source, table, i);
          sink.addFrom(
            source,
            times[i],
            i + 1 < table.length ? times[i + 1] - times[i] : Math.max(1, table.end - times[i]),
          );
          if (i % 16 === 0) options.onProgress?.(i, table.length);
          await breathe();
        }
        sink.finish();
      } finally {
        sink.close();
      }
    });
    options.onProgress?.(table.length, table.length);
    return table.length;
  } finally {
    source.close();
  }
}
