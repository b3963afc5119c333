/** @file The timeline's view: zoom keeps its anchor and ends at single frames, the view stays inside the clip, ruler marks are round and never crowded. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameAt, startOf } from '../../composables/frames.ts';
import { fitView, panView, placeAt, revealTime, ticksOf, zoomView } from './view.ts';

/** Two hours at 60 frames a second. */
const long = { seconds: Float64Array.from({ length: 432_000 }, (_, i) => i / 60), end: 7200 };
const uneven = { seconds: [1, 1.5, 1.51, 3, 3.04], end: 4 };

test('zooming keeps the time under the pointer, and stops at single frames', () => {
  let view = fitView(long);
  expect(view).toEqual({ start: 0, length: 7200 });
  for (let i = 0; i < 60; i++) {
    const share = (4000 - view.start) / view.length;
    view = zoomView(long, view, 1 / 1.6, 4000);
    expect((4000 - view.start) / view.length).toBeCloseTo(share, 6);
  }
  // Six frames.
  expect(view.length).toBeCloseTo(0.1, 9);
  for (let i = 0; i < 60; i++) view = zoomView(long, view, 1.6, 4000);
  expect(view).toEqual({ start: 0, length: 7200 });
});

test('at a variable rate the shortest view is told by the frame under the pointer', () => {
  let view = fitView(uneven);
  for (let i = 0; i < 40; i++) view = zoomView(uneven, view, 0.5, 1.505);
  expect(view.length).toBeCloseTo(0.06, 9);
});

test('the view never leaves the clip, and follows the playhead like a page', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.double({ min: 0.2, max: 5, noNaN: true }), fc.nat(7200))), (moves) => {
      let view = fitView(long);
      for (const [factor, at] of moves)
        view = panView(long, zoomView(long, view, factor, at), (at - 3600) / 10);
      expect(view.start).toBeGreaterThanOrEqual(0);
      expect(view.start + view.length).toBeLessThanOrEqual(7200 + 1e-6);
    }),
  );
  const view = { start: 100, length: 10 };
  expect(revealTime(long, view, 109.9)).toBe(view);
  expect(revealTime(long, view, 110)).toEqual({ start: 109, length: 10 });
  expect(revealTime(long, view, 7199.9)).toEqual({ start: 7190, length: 10 });
});

test('ruler marks: round times far out, frames close in, at least as far apart as asked', () => {
  const far = ticksOf(long, fitView(long), 700).map(({ time }) => time);
  expect(far).toEqual([0, 900, 1800, 2700, 3600, 4500, 5400, 6300]);
  const close = ticksOf(long, { start: 4000, length: 0.1 }, 0.03);
  expect(close.map(({ frame }) => frame)).toEqual([240_000, 240_002, 240_004, 240_006]);
  for (const { time, frame } of close) expect(time).toBe(startOf(long, frame));
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 7200, noNaN: true }), (length) => {
      const ticks = ticksOf(long, { start: 0, length }, length / 10);
      expect(ticks.length).toBeLessThanOrEqual(12);
      ticks.forEach(({ time, frame }, i) => {
        expect(frame).toBe(frameAt(long, time));
        if (i > 0) expect(time - ticks[i - 1].time).toBeGreaterThan((length / 10) * 0.89);
      });
    }),
  );
  // From the clip's own beginning, not from the container's zero.
  expect(ticksOf(uneven, fitView(uneven), 1)[0]).toEqual({ time: 1, frame: 0 });
});

test('the place of a frame among the frames that were given', () => {
  const places = [{ at: 0 }, { at: 5 }, { at: 5 }, { at: 9 }];
  expect([-1, 0, 4, 5, 8, 9, 99].map((frame) => placeAt(places, frame))).toEqual([-1, 0, 0, 2, 2, 3, 3]);
});
