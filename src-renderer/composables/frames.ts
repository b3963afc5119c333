/**
 * @file Which frame is on screen: lookups in a PTS table. A frame is its index in the table, never `round(time * fps)`,
 * so that variable frame rates, edit lists and duplicate timestamps cannot shift it.
 */
import type { FrameTimes } from '../../src-main/contract/pts-bytes.ts';

/** Index of a frame in a PTS table. Branded, so that a time in seconds cannot be passed where a frame is meant. */
export type FrameIndex = number & { readonly __brand: 'FrameIndex' };
/** Media time in seconds. */
export type Seconds = number & { readonly __brand: 'Seconds' };

/** Media elements report microseconds rounded down; half a microsecond of slack keeps a frame's own start inside it. */
const CLOCK_SLACK = 2e-6;

/** Media elements may round a container's clock to milliseconds; more than that is another clock. Seconds. */
const CLOCK_TOLERANCE = 0.0015;

/** Nearest valid index: not below 0, not above the last frame. An empty table gives 0. */
export function clampFrame(table: FrameTimes, index: number): FrameIndex {
  return Math.max(0, Math.min(table.seconds.length - 1, Math.trunc(index))) as FrameIndex;
}

/** The frame whose interval contains `time` (seconds); before the first frame it is 0, after the end the last. */
export function frameAt(table: FrameTimes, time: number): FrameIndex {
  const { seconds } = table;
  let low = 0;
  let high = seconds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (seconds[middle] <= time + CLOCK_SLACK) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low) as FrameIndex;
}

/** When frame `index` begins, in seconds. */
export function startOf(table: FrameTimes, index: number): Seconds {
  return (table.seconds[clampFrame(table, index)] ?? 0) as Seconds;
}

/** When frame `index` ends: the next later timestamp, or the table's end for the last frame. */
export function endOf(table: FrameTimes, index: number): Seconds {
  const start = startOf(table, index);
  for (let i = clampFrame(table, index) + 1; i < table.seconds.length; i++)
    if (table.seconds[i] > start) return table.seconds[i] as Seconds;
  return Math.max(start, table.end) as Seconds;
}

/** Where to seek so that frame `index` is shown: the middle of its interval, safe from rounding at both edges. */
export function seekTimeFor(table: FrameTimes, index: number): Seconds {
  const start = startOf(table, index);
  return (start + (endOf(table, index) - start) / 2) as Seconds;
}

/**
 * The frame `frames` away. Of frames with one timestamp a player shows only the last, so a step back from there goes on to the
 * first frame that is shown at another time.
 */
export function stepFrom(table: FrameTimes, frame: number, frames: number): FrameIndex {
  let target = clampFrame(table, frame + frames);
  while (frames < 0 && target > 0 && startOf(table, target) === startOf(table, frame)) target--;
  return target;
}

/**
 * A media element's clock minus the table's, in seconds, from the media time of the first frame it showed: 0 when that is a
 * time of the table; else the element counts from elsewhere (a container whose clock does not begin at 0).
 */
export function clockOffset(table: FrameTimes, firstMediaTime: number): number {
  const known = startOf(table, frameAt(table, firstMediaTime + CLOCK_TOLERANCE));
  return Math.abs(known - firstMediaTime) <= CLOCK_TOLERANCE ? 0 : firstMediaTime - startOf(table, 0);
}

/** The next index of `marks` (sorted) after or before `frame`; undefined past the last one. */
export function neighbourMark(
  marks: readonly number[],
  frame: number,
  direction: 1 | -1,
): FrameIndex | undefined {
  if (direction === 1) return marks.find((mark) => mark > frame) as FrameIndex | undefined;
  for (let i = marks.length - 1; i >= 0; i--) if (marks[i] < frame) return marks[i] as FrameIndex;
  return undefined;
}
