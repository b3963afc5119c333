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
  it('cuts CJK by character, keeps emoji and combining marks whole', () => {
    expect(quotes('赤い球', '青い球')).toEqual([['赤', '青']]);
    expect(words('👩‍💻 cafe\u0301').map((w) => w.key)).toEqual(['👩‍💻', 'café']);
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
