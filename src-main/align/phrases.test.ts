/** @file Marks on tokens: overlap, white space at the ends, bytes of one character. */
import { describe, expect, it } from 'vitest';
import { markTokens } from './phrases.ts';

const offsets = (...pairs: [number, number][]) => pairs.map(([start, end]) => ({ start, end }));

describe('markTokens', () => {
  // "a correct or" as a byte-level tokenizer cuts it: the space belongs to the word behind it.
  const text = 'a correct or';
  const tokens = offsets([0, 1], [1, 6], [6, 9], [9, 12]);

  it('marks tokens that overlap by one code point, and only those', () => {
    expect([...markTokens(text, tokens, offsets([2, 9])).phraseOf]).toEqual([0, 1, 1, 0]);
    expect([...markTokens(text, tokens, offsets([8, 9])).phraseOf]).toEqual([0, 0, 1, 0]);
  });

  it('ignores white space at the ends of a mark', () => {
    const marks = markTokens(text, tokens, offsets([1, 10]));
    expect([...marks.phraseOf]).toEqual([0, 1, 1, 0]);
    expect(marks.marked).toBe(2);
  });

  it('numbers phrases and reports those that cover no token', () => {
    const marks = markTokens(text, tokens, offsets([0, 1], [9, 10], [10, 12]));
    expect([...marks.phraseOf]).toEqual([1, 0, 0, 3]);
    expect(marks.uncovered).toEqual([1]);
  });

  it('marks all tokens of a character that is cut into bytes', () => {
    // The goose is four bytes in three tokens, each with the span of the whole character.
    const marks = markTokens('a🦢b', offsets([0, 1], [1, 2], [1, 2], [1, 2], [2, 3]), offsets([1, 2]));
    expect([...marks.phraseOf]).toEqual([0, 1, 1, 1, 0]);
  });

  it('refuses a span outside the text', () => {
    expect(() => markTokens('ab', offsets([0, 2]), offsets([1, 3]))).toThrow('got [1, 3)');
  });
});
