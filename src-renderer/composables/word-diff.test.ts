/** @file Word difference: replacements, insertions, punctuation, scripts; what is left outside differences is equal. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differences, diffRuns, words } from './word-diff.ts';

const quotes = (chosen: string, rejected: string): [string | null, string | null][] =>
  differences(chosen, rejected).map((d) => [
    d.chosen && chosen.slice(d.chosen.from, d.chosen.to),
    d.rejected && rejected.slice(d.rejected.from, d.rejected.to),
  ]);

describe('differences', () => {
  it('pairs replaced words', () => {
    expect(quotes('The red ball moves left.', 'The blue ball moves right.')).toEqual([
      ['red', 'blue'],
      ['left', 'right'],
    ]);
  });
  it('joins neighbouring words into one phrase', () => {
    expect(quotes('It rolls to the left side.', 'It jumps over the left side.')).toEqual([
      ['rolls to', 'jumps over'],
    ]);
  });
  it('leaves one side null for an insertion, and says where it would stand', () => {
    const [only] = differences('A ball rolls.', 'A red ball rolls.');
    expect(only).toEqual({ chosen: null, rejected: { from: 2, to: 5 }, at: { chosen: 2, rejected: 2 } });
  });
  it('is empty for identical answers, and for other blanks between the same words', () => {
    expect(differences('same words', 'same words')).toEqual([]);
    expect(differences('same  words\n', 'same words')).toEqual([]);
  });
  it('covers everything when nothing is shared', () => {
    expect(quotes('Yes', 'No')).toEqual([['Yes', 'No']]);
    expect(quotes('', 'No')).toEqual([[null, 'No']]);
  });
  it('finds the words of scripts without spaces', () => {
    expect(quotes('红色的球向左移动。', '蓝色的球向右移动。')).toEqual([
      ['红色', '蓝色'],
      ['向左', '向右'],
    ]);
    expect(quotes('赤い球が左に動く', '赤い球が右に動く')).toEqual([['左', '右']]);
    expect(quotes('ลูกบอลสีแดงไปทางซ้าย', 'ลูกบอลสีแดงไปทางขวา')).toEqual([['ซ้าย', 'ขวา']]);
    expect(quotes('빨간 공이 움직인다', '파란 공이 움직인다')).toEqual([['빨간', '파란']]);
  });
  it('goes through right-to-left text with numbers in logical order', () => {
    expect(quotes('הכדור זז 3.5 מטר שמאלה', 'הכדור זז 12 מטר ימינה')).toEqual([
      ['3.5', '12'],
      ['שמאלה', 'ימינה'],
    ]);
    // Direction marks have no shape: they are no difference.
    expect(quotes('\u200fشمال 7\u200f', 'شمال 7')).toEqual([]);
  });
  it('keeps emoji, flags and combining marks whole, and tells punctuation apart', () => {
    expect(words('👩‍💻 cafe\u0301 👍🏽🇩🇪❤️').map((w) => w.key)).toEqual(['👩‍💻', 'café', '👍🏽', '🇩🇪', '❤️']);
    expect(quotes('It stops 👍🏽.', 'It stops 👍🏿!')).toEqual([['👍🏽.', '👍🏿!']]);
    expect(
      quotes("The left-hand ball doesn't move, 1,000 px", 'The right-hand ball doesn’t move; 1,001 px'),
    ).toEqual([
      ['left', 'right'],
      ["doesn't", 'doesn’t'],
      [', 1,000', '; 1,001'],
    ]);
  });
  it('compares answers of the longest length while somebody types', () => {
    const long = Array.from({ length: 20_000 }, (_, i) => `w${i % 97}`).join(' ');
    const half = long.length / 2;
    words(long);
    /** Milliseconds of the fastest of five times, each with one difference: others may have the processor now and then. */
    const fastest = (to: string): number => {
      const times = Array.from({ length: 5 }, () => {
        const started = performance.now();
        expect(differences(long, to)).toHaveLength(1);
        return performance.now() - started;
      });
      return Math.min(...times);
    };
    expect(fastest(`${long.slice(0, half)} typed ${long.slice(half)}`)).toBeLessThan(250);
    // Nothing in common: one difference instead of a search without end.
    expect(fastest(Array.from({ length: 20_000 }, (_, i) => `v${i % 89}`).join(' '))).toBeLessThan(1250);
  });
  it('outside its differences both sides read the same', () => {
    const word = fc.constantFrom('red', 'blue', 'ball', 'moves', 'left', ',', '.');
    const answer = fc.array(word, { maxLength: 14 }).map((list) => list.join(' '));
    fc.assert(
      fc.property(answer, answer, (a, b) => {
        const list = differences(a, b);
        const same = (text: string, side: 'chosen' | 'rejected'): string[] =>
          diffRuns(text, side, list)
            .filter((run) => !run.differs)
            .flatMap((run) => words(run.text).map((w) => w.key));
        expect(same(a, 'chosen')).toEqual(same(b, 'rejected'));
        expect(
          diffRuns(a, 'chosen', list)
            .map((run) => run.text)
            .join(''),
        ).toBe(a);
      }),
    );
  });
});
