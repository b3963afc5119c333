import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceCodePoints } from '../contract/text.ts';
import { formatTagged, markTokens, parseTagged, trimSpan, type TextSpan } from './phrases.ts';

const quotes = (plain: string, spans: TextSpan[]) => spans.map((s) => sliceCodePoints(plain, s.start, s.end));
const offsets = (...pairs: [number, number][]) => pairs.map(([start, end]) => ({ start, end }));

describe('parseTagged', () => {
  // The white-space styles that occur in official files, and what each marks.
  it.each([
    ['a <MASK> correct </MASK> or', 'a correct or', ['correct']],
    ['a <MASK>correct</MASK> or', 'a correct or', ['correct']],
    ['a <MASK> goose </MASK>.', 'a goose.', ['goose']],
    ['a <MASK> goose. </MASK>', 'a goose.', ['goose.']],
    ['<MASK> Yes </MASK>', 'Yes', ['Yes']],
    ['<MASK>Yes</MASK>', 'Yes', ['Yes']],
    ['(<MASK> D </MASK>) text', '(D) text', ['D']],
    ['(<MASK>D</MASK>) text', '(D) text', ['D']],
    ['<MASK> (D) </MASK> Pretending', '(D) Pretending', ['(D)']],
    ['<MASK> goose </MASK> <MASK> dog </MASK>', 'goose dog', ['goose', 'dog']],
    ['un<MASK> happy </MASK><MASK> ly </MASK> so', 'unhappyly so', ['happy', 'ly']],
    ['no tags', 'no tags', []],
    ['', '', []],
    ['🦢 is a <MASK> 🦢 goose </MASK>!', '🦢 is a 🦢 goose!', ['🦢 goose']],
  ])('%j against %j marks %j', (tagged, plain, expected) => {
    expect(quotes(plain, parseTagged(tagged, plain))).toEqual(expected);
  });

  it('counts code points, not UTF-16 units', () => {
    expect(parseTagged('🦢🦢 <MASK> x </MASK>', '🦢🦢 x')).toEqual([{ start: 3, end: 4 }]);
  });

  it.each([
    ['a <MASK> b', 'a b', 'unclosed <MASK> at character 2'],
    ['a <MASK> b <MASK> c </MASK>', 'a b c', 'nested <MASK> at character 11'],
    ['a </MASK> b', 'a b', 'stray </MASK> at character 2'],
    ['a <MASK> </MASK> b', 'a b', 'expected words inside phrase 1, got none'],
    ['a <MASK>  b </MASK>', 'a b', 'expected the plain text "a b"'],
    ['a <MASK> c </MASK>', 'a b', 'expected the plain text "a b"'],
  ])('refuses %j with its place', (tagged, plain, message) => {
    expect(() => parseTagged(tagged, plain)).toThrow(message);
  });

  it('is not slow on a hostile number of tags', () => {
    const tagged = ' <MASK> a </MASK> '.repeat(300) + 'x';
    const start = performance.now();
    expect(() => parseTagged(tagged, 'a'.repeat(300))).toThrow('expected the plain text');
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('formatTagged', () => {
  it('writes the official style', () => {
    expect(formatTagged('a goose.', offsets([2, 7]))).toBe('a <MASK> goose </MASK>.');
  });

  it('round-trips any text and any disjoint phrases', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '.', '🦢', 'é', '\n'), maxLength: 40 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(40), { maxLength: 8 }), (plain, cuts) => {
        const length = [...plain].length;
        const sorted = [...new Set(cuts.map((c) => Math.min(c, length)))].sort((a, b) => a - b);
        const spans: TextSpan[] = [];
        for (let i = 0; i + 1 < sorted.length; i += 2) {
          const span = trimSpan(plain, { start: sorted[i], end: sorted[i + 1] });
          if (span.end > span.start) spans.push(span);
        }
        expect(parseTagged(formatTagged(plain, spans), plain)).toEqual(spans);
      }),
    );
  });

  it('refuses overlapping phrases and text that contains a tag', () => {
    expect(() => formatTagged('abcdef', offsets([0, 3], [2, 4]))).toThrow(
      'expected phrases that do not overlap',
    );
    expect(() => formatTagged('a <MASK> b', [])).toThrow('without <MASK>');
  });
});

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
