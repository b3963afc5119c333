/**
 * @file Which frames of a video a model is given: the reference implementations' rules, with their float64 arithmetic, since an
 * exact integer formula picks other frames. `n` is the number of frames in the PTS table; results are indices into it, ascending.
 */
import { UserError } from '../platform/errors.ts';

const check = (n: number, frames: number): void => {
  if (!Number.isInteger(n) || n < 1)
    throw new UserError(
      'BAD_INPUT',
      `frame sampling: expected a video with at least one frame, got ${n}`,
      'Choose a video that has a picture.',
    );
  if (!Number.isInteger(frames) || frames < 1)
    throw new UserError(
      'BAD_INPUT',
      `frame sampling: expected a number of frames of at least 1, got ${frames}`,
      'Set a whole number above 0.',
    );
};

/** numpy's `linspace(start, stop, count, dtype=int)` for start >= 0: floor(i * step + start), the last value forced to stop. */
function linspace(start: number, stop: number, count: number): number[] {
  if (count === 1) return [Math.floor(start)];
  const step = (stop - start) / (count - 1);
  const out = Array.from({ length: count }, (_, i) => Math.floor(i * step + start));
  out[count - 1] = Math.floor(stop);
  return out;
}

/** Python's round(): halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** LLaVA-NeXT / LLaVA-Video and RRPO's `llava/utils.py`: np.linspace(0, n - 1, F, dtype=int). First and last frame included; F > n repeats frames. */
export function sampleLinspace(n: number, frames: number): number[] {
  check(n, frames);
  return linspace(0, n - 1, frames);
}

/** Official RRPO training and inference for LLaVA-Video: int((n / F) * i), the division first. Never reaches the last frame; F > n repeats frames. */
export function sampleRrpo(n: number, frames: number): number[] {
  check(n, frames);
  const interval = n / frames;
  return Array.from({ length: frames }, (_, i) => Math.trunc(interval * i));
}

/** RRPO's VideoChat2 loader: segment starts plus half a segment, seg = (n - 1) / F; int(seg / 2) + round_half_even(seg * i). */
export function sampleVideoChat2(n: number, frames: number): number[] {
  check(n, frames);
  const segment = (n - 1) / frames;
  return Array.from({ length: frames }, (_, i) => Math.trunc(segment / 2) + roundHalfEven(segment * i));
}

/**
 * transformers' video processors (5.18.0): floor(i * n / F) in whole numbers. (Older versions return F + 1 indices, the last past the
 * end, for some n and F; that is not copied.)
 * @throws UserError BAD_INPUT when F > n
 */
export function sampleTransformers(n: number, frames: number): number[] {
  check(n, frames);
  if (frames > n)
    throw new UserError(
      'BAD_INPUT',
      `frame sampling: expected at most ${n} frames, because the video has no more, got ${frames}`,
      'Lower the number of frames, or use a rule that repeats frames (linspace).',
    );
  return Array.from({ length: frames }, (_, i) => Math.floor((i * n) / frames));
}

/** transformers' rule by rate: F = int(n / videoFps * fps) frames, then {@link sampleTransformers}; none for a video too short for one. */
export function sampleTransformersFps(n: number, videoFps: number, fps: number): number[] {
  check(n, 1);
  const frames = Math.trunc((n / videoFps) * fps);
  return frames < 1 ? [] : sampleTransformers(n, frames);
}

/** What SmolVLM's sampler needs to know; seconds and frames per second. */
export type SmolVlmSampling = {
  n: number;
  videoFps: number;
  duration: number;
  /** Upper bound on the number of frames. @default 64 */
  numFrames?: number;
  /** Frames wanted per second of video. @default 1 */
  fps?: number;
  /** Cut off at either end of a video that is long enough. @default 1 */
  skipSeconds?: number;
};

/** SmolVLMVideoProcessor.sample_frames: about `fps` frames a second, at most `numFrames`, duplicates removed. */
export function sampleSmolVlm({
  n,
  videoFps,
  duration,
  numFrames = 64,
  fps = 1,
  skipSeconds = 1,
}: SmolVlmSampling): number[] {
  check(n, numFrames);
  const wanted = Math.max(1, Math.min(roundHalfEven(fps * duration), numFrames));
  let start = 0;
  let end = n - 1;
  if (skipSeconds > 0 && duration - 2 * skipSeconds > numFrames * fps) {
    start = Math.trunc(skipSeconds * videoFps);
    end = Math.trunc(n - skipSeconds * videoFps);
  }
  start = Math.max(0, start);
  end = Math.min(end, n - 1);
  if (start >= end) {
    start = 0;
    end = n - 1;
  }
  return [...new Set(linspace(start, end, wanted))];
}
