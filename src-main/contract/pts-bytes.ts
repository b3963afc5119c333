/**
 * @file The PTS table on its way to the disk and to the window: compact bytes, a byte a frame at a constant rate. As JSON, a two-hour
 * clip of 432,000 frames would be several megabytes for each opening.
 */

/** The parts a table is made of. */
export type PtsParts = {
  /** The length of one tick in seconds, as a fraction. */
  timeBase: { num: number; den: number };
  /** Timestamp of every presented frame, in ticks, in the order of presentation. */
  ticks: ArrayLike<number>;
  /** Indices of frames that can be decoded without an earlier one, ascending. */
  keys: ArrayLike<number>;
  /** When the last frame ends, in ticks. */
  end: number;
  /** Every frame had a rising timestamp of its own, so that a frame found by its timestamp is the right one. */
  seekable: boolean;
};

/** Presentation times in seconds: frame i is shown from `seconds[i]`, never before frame i - 1; the last frame ends at `end`. */
export type FrameTimes = { seconds: ArrayLike<number>; end: number };

const MAGIC = 0x31545350; // "PST1", little endian

/** Differences of differences as variable-length integers. */
export function writePts({ timeBase, ticks, keys, end, seekable }: PtsParts): Uint8Array {
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
  for (const value of [MAGIC, timeBase.num, timeBase.den, end, seekable ? 1 : 0]) put(value);
  putAll(ticks);
  putAll(keys);
  return Uint8Array.from(out);
}

/** Reads {@link writePts}. @throws RangeError for anything else, in words: expected, got */
export function readPts(bytes: Uint8Array): PtsParts & { ticks: Float64Array; keys: Float64Array } {
  let at = 0;
  const get = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length || scale > 2 ** 56)
        throw new RangeError(`PTS table: expected a number at byte ${at} of ${bytes.length}, got the end`);
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const getAll = (): Float64Array => {
    const count = get();
    if (count < 0 || count > bytes.length) throw new RangeError(`PTS table: expected a count, got ${count}`);
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
  if (get() !== MAGIC) throw new RangeError('PTS table: expected its format mark, got other bytes');
  const [num, den, end, seekable] = [get(), get(), get(), get()];
  const ticks = getAll();
  return { timeBase: { num, den }, end, seekable: seekable === 1, ticks, keys: getAll() };
}

/** When each frame is shown; a timestamp before the frame ahead of it is moved up to that one, so that times can be searched. */
export function frameTimes({ timeBase: { num, den }, ticks, end }: PtsParts): FrameTimes {
  const seconds = new Float64Array(ticks.length);
  let last = -Infinity;
  for (let i = 0; i < ticks.length; i++) {
    last = Math.max(last, ticks[i]);
    seconds[i] = (last * num) / den;
  }
  return { seconds, end: (Math.max(end, last) * num) / den };
}
