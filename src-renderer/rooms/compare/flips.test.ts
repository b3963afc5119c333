/** @file Flips and filters, and the sentence about the difference. */
import { describe, expect, it } from 'vitest';
import { flipOf, inWords, keep } from './flips.ts';

const row = (
  base: 'right' | 'wrong' | 'unparseable',
  tuned: 'right' | 'wrong' | 'unparseable',
  same = false,
) => ({
  base: { text: 'left', verdict: base },
  tuned: { text: same ? 'left ' : 'right', verdict: tuned },
});

describe('flips', () => {
  it('tells which way an answer turned', () => {
    expect(
      [
        row('wrong', 'right'),
        row('unparseable', 'right'),
        row('right', 'wrong'),
        row('wrong', 'unparseable'),
      ].map(flipOf),
    ).toEqual(['fixed', 'fixed', 'broken', 'same']);
  });
  it('filters', () => {
    expect(keep(row('wrong', 'wrong'), 'disagreements')).toBe(true);
    expect(keep(row('wrong', 'wrong', true), 'disagreements')).toBe(false);
    expect(keep(row('wrong', 'right'), 'broken')).toBe(false);
    expect(keep(row('right', 'right'), 'all')).toBe(true);
  });
  it('says how sure a difference is', () => {
    const paired = { n: 120, bothRight: 60, bothWrong: 30, fixed: 20, broken: 10, pValue: 0.0987 };
    expect(inWords({ ...paired, difference: { value: 0.083, low: -0.008, high: 0.175 } })).toBe(
      '+8.3 points, 95 % interval -0.8 to +17.5 over 120 questions: not told apart from chance (p = 0.099).',
    );
    expect(inWords({ ...paired, pValue: 0.0001, difference: { value: 0.2, low: 0.1, high: 0.3 } })).toContain(
      'better (p < 0.001)',
    );
  });
});
