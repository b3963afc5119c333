/** @file Flips and filters, and the sentence about the difference. */
import { describe, expect, it } from 'vitest';
import { flipOf, inWords, keep, madeWords } from './flips.ts';

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
    expect(keep(row('wrong', 'unparseable'), 'wrong')).toBe(true);
    expect(keep(row('wrong', 'right'), 'wrong')).toBe(false);
  });
  it('says what becomes of a candidate: never trained on when held out, doubtful when the judge called it right', () => {
    const heldout = { ...row('wrong', 'wrong'), split: 'heldout' } as const;
    const train = { ...row('wrong', 'wrong'), split: 'train' } as const;
    expect(madeWords(heldout, true)).toMatchObject({
      tone: 'warning',
      text: expect.stringMatching(/held out, so it is never trained on\.$/) as string,
    });
    expect(madeWords(train, true)).toMatchObject({
      tone: 'success',
      text: expect.stringMatching(/the next run trains on it\.$/) as string,
    });
    expect(madeWords({ ...train, ...row('wrong', 'right') }, true)).toMatchObject({
      tone: 'warning',
      text: expect.stringMatching(/look twice/) as string,
    });
    expect(madeWords(heldout, false).text).toBe('This answer is a pair already.');
  });
  it('says how sure a difference is', () => {
    const paired = { n: 120, bothRight: 60, bothWrong: 30, fixed: 20, broken: 10, pValue: 0.0987 };
    expect(inWords({ ...paired, difference: { value: 0.083, low: -0.008, high: 0.175 } })).toBe(
      '+8.3 points, 95 % interval -0.8 to +17.5 over 120 questions: not told apart from chance (p\u00a0=\u00a00.099).',
    );
    expect(inWords({ ...paired, pValue: 0.0001, difference: { value: 0.2, low: 0.1, high: 0.3 } })).toContain(
      'better (p\u00a0<\u00a00.001)',
    );
  });
});
