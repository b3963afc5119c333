/**
 * @file The PTS table: when each frame of a video is shown. A frame's identity everywhere (player, sampler, perturbation, export) is
 * its index here; time becomes a frame through the interval that contains it, never through time * fps.
 */
import type { PtsTable as PlainPtsTable } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';

/** Position in the PTS table, from 0. */
export type FrameIndex = number & { readonly __unit: 'FrameIndex' };
/** Seconds on the file's own clock (the first frame need not be at 0). */
export type Seconds = number & { readonly __unit: 'Seconds' };
/** The length of one tick in seconds, as a fraction. */
export type TimeBase = { num: number; den: number };

/** The parts a table is made of. */
export type PtsParts = {
  timeBase: TimeBase;
  /** Timestamp of every presented frame, in ticks, in the order of presentation. */
  ticks: ArrayLike<number>;
  /** Indices of frames that can be decoded without an earlier one, ascending. */
  keys: ArrayLike<number>;
  /** When the last frame ends, in ticks. */
  end: number;
  /** Every frame had a rising timestamp of its own, so that a frame found by its timestamp is the right one. */
  seekable: boolean;
};

/** Seconds: media elements report whole microseconds, rounded down; a frame's own start must stay inside it (the window does the same). */
const CLOCK_SLACK = 2e-6;

const MAGIC = 0x31545350; // "PST1", little endian

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

  /** The last keyframe at or before frame `i`; 0 when none is known. */
  keyBefore(i: number): FrameIndex {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.keys[middle] <= i) low = middle + 1;
      else high = middle;
    }
    return (low > 0 ? this.keys[low - 1] : 0) as FrameIndex;
  }

  /** Timestamps made strictly rising by the smallest steps, for encoders, which refuse anything else. */
  risingTicks(): Float64Array {
    const out = this.ticks.slice();
    for (let i = 1; i < out.length; i++) if (out[i] <= out[i - 1]) out[i] = out[i - 1] + 1;
    return out;
  }

  /** The form that the contract sends to the window. */
  toPlain(): PlainPtsTable {
    return { seconds: Array.from(this.#starts, (t) => this.#seconds(t)), end: this.#seconds(this.end) };
  }

  /** Compact bytes for storage: differences of differences as variable-length integers; 1 byte a frame at a constant rate. */
  toBytes(): Uint8Array {
    const out: number[] = [];
    const put = (value: number): void => {
      let rest = value < 0 ? -2 * value - 1 : 2 * value; // zigzag
      for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
      out.push(rest);
    };
    const putAll = (values: ArrayLike<number>): void => {
      put(values.length);
      let last = 0;
      let step = 0;
      for (let i = 0; i < values.length; i++) {
        put(values[i] - last - step);
        step = values[i] - last;
        last = values[i];
      }
    };
    for (const value of [MAGIC, this.timeBase.num, this.timeBase.den, this.end, this.seekable ? 1 : 0])
      put(value);
    putAll(this.ticks);
    putAll(this.keys);
    return Uint8Array.from(out);
  }

  /** Reads {@link PtsTable.toBytes}. @throws UserError CORRUPT for anything else */
  static fromBytes(bytes: Uint8Array): PtsTable {
    let at = 0;
    const get = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        if (at >= bytes.length || scale > 2 ** 56)
          throw new UserError(
            'CORRUPT',
            `PTS table: expected a number at byte ${at} of ${bytes.length}, got the end`,
            'Import the video again.',
          );
        const byte = bytes[at++];
        value += (byte & 127) * scale;
        if (byte < 128) break;
      }
      return value % 2 ? -(value + 1) / 2 : value / 2;
    };
    const getAll = (): Float64Array => {
      const count = get();
      if (count < 0 || count > bytes.length)
        throw new UserError(
          'CORRUPT',
          `PTS table: expected a count, got ${count}`,
          'Import the video again.',
        );
      const values = new Float64Array(count);
      let last = 0;
      let step = 0;
      for (let i = 0; i < count; i++) {
        step += get();
        last += step;
        values[i] = last;
      }
      return values;
    };
    if (get() !== MAGIC)
      throw new UserError(
        'CORRUPT',
        'PTS table: expected its format mark, got other bytes',
        'Import the video again.',
      );
    const [num, den, end, seekable] = [get(), get(), get(), get()];
    const ticks = getAll();
    return new PtsTable({ timeBase: { num, den }, end, seekable: seekable === 1, ticks, keys: getAll() });
  }
}
