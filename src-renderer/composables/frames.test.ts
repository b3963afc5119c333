/** @file Frame lookup: constant and variable rates, duplicates, edges, and the round trip seek time -> frame. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clampFrame,
  clockOffset,
  endOf,
  frameAt,
  neighbourMark,
  seekTimeFor,
  startOf,
  stepFrom,
} from './frames.ts';

const ntsc = {
  seconds: Array.from({ length: 161 }, (_, i) => (i * 1001) / 30000),
  end: (161 * 1001) / 30000,
};
const uneven = { seconds: [0, 0.5, 0.51, 2, 2.04], end: 3 };

describe('frameAt', () => {
  it('takes the frame whose interval contains the time, not the nearest one', () => {
    expect(frameAt(uneven, 1.9)).toBe(2);
    expect(frameAt(uneven, 0.505)).toBe(1);
    expect(frameAt(uneven, 2)).toBe(3);
  });
  it('holds at both ends', () => {
    expect(frameAt(uneven, -1)).toBe(0);
    expect(frameAt(uneven, 99)).toBe(4);
    expect(frameAt({ seconds: [], end: 0 }, 1)).toBe(0);
  });
  it('accepts a start time that the media clock has rounded down to microseconds', () => {
    const reported = Math.floor(ntsc.seconds[100] * 1e6) / 1e6;
    expect(reported).toBeLessThan(ntsc.seconds[100]);
    expect(frameAt(ntsc, reported)).toBe(100);
  });
});

describe('seekTimeFor', () => {
  it('is the middle of the interval', () => {
    expect(seekTimeFor(uneven, 0)).toBe(0.25);
    expect(seekTimeFor(uneven, 4)).toBe(2.52);
    expect([startOf(uneven, 2), endOf(uneven, 2)]).toEqual([0.51, 2]);
  });
  it('shows exactly the frame asked for, for any increasing table', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5_000_000 }), { minLength: 1, maxLength: 60 }),
        (gaps) => {
          let at = 0;
          const ticks = gaps.map((gap) => (at += gap) / 1e6);
          const table = { seconds: ticks, end: ticks.at(-1)! + 0.04 };
          // An interval below the clock's own resolution cannot be told apart by any player.
          for (let i = 0; i < ticks.length; i++)
            if (endOf(table, i) - startOf(table, i) > 8e-6)
              expect(frameAt(table, seekTimeFor(table, i))).toBe(i);
        },
      ),
    );
  });
  it('gives a duplicate timestamp the interval up to the next later one', () => {
    const table = { seconds: [0, 1, 1, 2], end: 3 };
    expect(endOf(table, 1)).toBe(2);
    expect(frameAt(table, seekTimeFor(table, 1))).toBe(2);
  });
});

describe('neighbours', () => {
  it('clamps and finds the model frames around a frame', () => {
    expect([clampFrame(uneven, -3), clampFrame(uneven, 9), clampFrame(uneven, 2.7)]).toEqual([0, 4, 2]);
    expect(neighbourMark([0, 5, 9], 5, 1)).toBe(9);
    expect(neighbourMark([0, 5, 9], 5, -1)).toBe(0);
    expect(neighbourMark([0, 5, 9], 9, 1)).toBeUndefined();
    expect(neighbourMark([0, 5, 9], 0, -1)).toBeUndefined();
  });
});

describe('steps and clocks', () => {
  it('steps back over frames that a player does not show', () => {
    const table = { seconds: [0, 1, 1, 1, 2], end: 3 };
    expect(stepFrom(table, 3, -1)).toBe(0);
    expect(stepFrom(table, 4, -1)).toBe(3);
    expect(stepFrom(table, 0, 1)).toBe(1);
    expect(stepFrom(table, 2, -10)).toBe(0);
  });
  it('tells an element that counts from its own zero from one that keeps the file’s times', () => {
    const late = { seconds: [1.5, 1.54, 1.58], end: 1.62 };
    expect(clockOffset(late, 1.5)).toBe(0);
    expect(clockOffset(late, 1.4995)).toBe(0);
    expect(clockOffset(late, 0)).toBe(-1.5);
    expect(clockOffset(late, 0.021)).toBeCloseTo(-1.479, 9);
  });
});
