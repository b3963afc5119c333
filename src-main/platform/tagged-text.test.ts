/** @file Tagged text in every style of the official files, its refusals, and the round trip. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceCodePoints } from '../contract/text.ts';
import { formatTagged, parseTagged, trimSpan, type TextSpan } from './tagged-text.ts';

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
    const start = process.threadCpuUsage();
    expect(() => parseTagged(tagged, 'a'.repeat(300))).toThrow('expected the plain text');
    expect(process.threadCpuUsage(start).user).toBeLessThan(2e6);
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
