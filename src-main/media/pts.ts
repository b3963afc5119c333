/**
 * @file The PTS table: when each frame of a video is shown. A frame's identity everywhere (player, sampler, perturbation, export) is
 * its index here; time becomes a frame through the interval that contains it, never through time * fps.
 */
import { frameTimes, readPts, writePts, type FrameTimes, type PtsParts } from '../contract/pts-bytes.ts';
import { UserError } from '../platform/errors.ts';

export type { PtsParts } from '../contract/pts-bytes.ts';

/** Position in the PTS table, from 0. */
export type FrameIndex = number & { readonly __unit: 'FrameIndex' };
/** Seconds on the file's own clock (the first frame need not be at 0). */
export type Seconds = number & { readonly __unit: 'Seconds' };
/** The length of one tick in seconds, as a fraction. */
export type TimeBase = { num: number; den: number };

/** Seconds: media elements report whole microseconds, rounded down; a frame's own start must stay inside it (the window does the same). */
const CLOCK_SLACK = 2e-6;

/** When each frame is shown; immutable. */
export class PtsTable {
  readonly timeBase: TimeBase;
  readonly ticks: Float64Array;
  readonly keys: Uint32Array;
  readonly end: number;
  readonly seekable: boolean;
  /** Start of each frame's interval in ticks: `ticks` made non-decreasing, so that it can be searched. */
  readonly #starts: Float64Array;

  constructor(parts: PtsParts) {
    this.timeBase = { ...parts.timeBase };
    this.ticks = Float64Array.from(parts.ticks);
    this.keys = Uint32Array.from(parts.keys);
    this.seekable = parts.seekable;
    if (this.ticks.length === 0)
      throw new RangeError('internal: PTS table: expected at least one frame, got none');
    this.#starts = this.ticks.slice();
    for (let i = 1; i < this.#starts.length; i++)
      this.#starts[i] = Math.max(this.#starts[i], this.#starts[i - 1]);
    this.end = Math.max(parts.end, this.#starts.at(-1)!);
  }

  /** Number of frames. */
  get length(): number {
    return this.ticks.length;
  }

  /** Seconds from the start of the first frame to the end of the last. */
  get duration(): Seconds {
    return this.#seconds(this.end - this.#starts[0]);
  }

  /** Average frames per second. */
  get averageRate(): number {
    return this.length / this.duration;
  }

  #seconds(ticks: number): Seconds {
    return ((ticks * this.timeBase.num) / this.timeBase.den) as Seconds;
  }

  /** A checked frame index. @throws UserError BAD_INPUT outside the table */
  index(i: number): FrameIndex {
    if (!Number.isInteger(i) || i < 0 || i >= this.length)
      throw new UserError(
        'BAD_INPUT',
        `frame index: expected a whole number from 0 to ${this.length - 1}, got ${i}`,
        'Choose a frame that the video has.',
      );
    return i as FrameIndex;
  }

  /** When frame `i` appears. */
  start(i: number): Seconds {
    return this.#seconds(this.#starts[this.index(i)]);
  }

  /** When frame `i` gives way to the next (for the last: when it ends). */
  stop(i: number): Seconds {
    return this.#seconds(this.index(i) + 1 < this.length ? this.#starts[i + 1] : this.end);
  }

  /** The frame whose interval contains the time; before the first frame the first, after the end the last. Of frames with the same timestamp the last. */
  frameAt(seconds: number): FrameIndex {
    const at = ((seconds + CLOCK_SLACK) * this.timeBase.den) / this.timeBase.num;
    let low = 0;
    let high = this.length; // first frame that starts later than the time
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1) as FrameIndex;
  }

  /** How many keyframes there are up to frame `i`, itself included. */
  #keysUpTo(i: number): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.keys[middle] <= i) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last keyframe at or before frame `i`; 0 when none is known. */
  keyBefore(i: number): FrameIndex {
    return (this.keys[this.#keysUpTo(i) - 1] ?? 0) as FrameIndex;
  }

  /** The first keyframe at or after frame `i`; undefined when there is none. */
  keyFrom(i: number): FrameIndex | undefined {
    return this.keys[this.#keysUpTo(i - 1)] as FrameIndex | undefined;
  }

  /** Timestamps made strictly rising by the smallest steps, for encoders, which refuse anything else. */
  risingTicks(): Float64Array {
    const out = this.ticks.slice();
    for (let i = 1; i < out.length; i++) if (out[i] <= out[i - 1]) out[i] = out[i - 1] + 1;
    return out;
  }

  /** The form that the window works with. */
  toPlain(): FrameTimes {
    return frameTimes(this);
  }

  /** Compact bytes for storage and for the window: 1 byte a frame at a constant rate. */
  toBytes(): Uint8Array {
    return writePts(this);
  }

  /** Reads {@link PtsTable.toBytes}. @throws UserError CORRUPT for anything else */
  static fromBytes(bytes: Uint8Array): PtsTable {
    let parts: PtsParts;
    try {
      parts = readPts(bytes);
    } catch (error) {
      throw new UserError('CORRUPT', (error as RangeError).message, 'Import the video again.', {
        cause: error,
      });
    }
    return new PtsTable(parts);
  }
}
