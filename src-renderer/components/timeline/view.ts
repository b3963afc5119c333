/** @file Which part of a clip the timeline shows, and where its ruler has marks. All times in seconds on the table's clock. */
import type { FrameTimes } from '../../../src-main/contract/pts-bytes.ts';
import { endOf, frameAt, startOf } from '../../composables/frames.ts';

/** The visible stretch of time. */
export interface TimeView {
  readonly start: number;
  readonly length: number;
}

/** A mark on the ruler: where, and what it says. */
export interface Tick {
  readonly time: number;
  readonly frame: number;
}

/** At the closest a frame takes about this part of the width. */
const CLOSEST = 1 / 6;
/** Steps of the ruler in seconds: round in the way that clocks are. */
const STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 14_400, 43_200, 86_400,
];
const FRAME_STEPS = [1, 2, 5, 10, 20, 50];

/** The whole clip. */
export function fitView(table: FrameTimes): TimeView {
  const start = startOf(table, 0);
  return { start, length: Math.max(1e-6, table.end - start) };
}

/** A view of this length that lies within the clip, with `start` as near as possible. */
function within(table: FrameTimes, start: number, length: number): TimeView {
  const whole = fitView(table);
  if (length >= whole.length) return whole;
  const most = whole.start + whole.length - length;
  return { start: Math.max(whole.start, Math.min(most, start)), length };
}

/** Shows `factor` times as much time (below 1: closer), with `anchor` staying where it is on the screen. */
export function zoomView(table: FrameTimes, view: TimeView, factor: number, anchor: number): TimeView {
  const frame = frameAt(table, anchor);
  const shortest = Math.max(1e-5, endOf(table, frame) - startOf(table, frame)) / CLOSEST;
  const length = Math.max(Math.min(shortest, view.length), view.length * factor);
  return within(table, anchor - ((anchor - view.start) / view.length) * length, length);
}

/** Moves the view by seconds. */
export function panView(table: FrameTimes, view: TimeView, seconds: number): TimeView {
  return within(table, view.start + seconds, view.length);
}

/** The view that has `time` in it: unchanged when it has, else turned on like a page. */
export function revealTime(table: FrameTimes, view: TimeView, time: number): TimeView {
  if (time >= view.start && time < view.start + view.length) return view;
  return within(table, time - view.length * 0.1, view.length);
}

/** Ruler marks at least `apart` seconds apart: at round times, or, where frames are wider than that, at frames. */
export function ticksOf(table: FrameTimes, view: TimeView, apart: number): Tick[] {
  const end = view.start + view.length;
  const [first, last] = [frameAt(table, view.start), frameAt(table, end)];
  const list: Tick[] = [];
  const interval = view.length / Math.max(1, last - first);
  const step = STEPS.find((s) => s >= apart) ?? STEPS.at(-1)!;
  if (step < 2 * interval || last - first < 12) {
    const frames = FRAME_STEPS.find((n) => n * interval >= apart) ?? FRAME_STEPS.at(-1)!;
    let before = -Infinity;
    for (let frame = Math.ceil(first / frames) * frames; frame <= last; frame += frames) {
      const time = startOf(table, frame);
      // At a variable rate frames may lie closer than their average.
      if (time - before < apart * 0.9) continue;
      list.push({ time, frame });
      before = time;
    }
    return list;
  }
  // Round from the clip's own beginning, which a person counts from.
  const zero = startOf(table, 0);
  for (let k = Math.ceil((view.start - zero) / step - 1e-9); zero + k * step < end; k++)
    list.push({ time: zero + k * step, frame: frameAt(table, zero + k * step) });
  return list;
}

/** The index of the last of `places` (ascending) that is not after `frame`; -1 before the first. */
export function placeAt(places: readonly { readonly at: number }[], frame: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle].at <= frame) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
