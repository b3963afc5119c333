/** @file Marks through edits: inside, around, across, emptied and revived; code points; a property over random edits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continuesWord, fromSpan, mapRange, toSpan, trimSelection, type TextChange } from './marks.ts';

const text = 'The red ball moves left.';
const red = { from: 4, to: 7 };
const apply = (source: string, change: TextChange): string =>
  source.slice(0, change.from) + change.insert + source.slice(change.to);
/** The mark's text after one change. */
const after = (change: TextChange, range = red, source = text): string => {
  const mapped = mapRange(range, change, source);
  return apply(source, change).slice(mapped.from, mapped.to);
};

describe('mapRange', () => {
  it('grows when typed inside, shrinks when cut inside', () => {
    expect(after({ from: 5, to: 5, insert: 'XX' })).toBe('rXXed');
    expect(after({ from: 5, to: 6, insert: '' })).toBe('rd');
    expect(after({ from: 4, to: 5, insert: '' })).toBe('ed');
    expect(after({ from: 6, to: 7, insert: '' })).toBe('re');
  });
  it('moves when text before it changes', () => {
    expect(after({ from: 0, to: 3, insert: 'A very' })).toBe('red');
    expect(after({ from: 4, to: 4, insert: 'dark ' })).toBe('red');
    expect(after({ from: 3, to: 4, insert: '  ' })).toBe('red');
  });
  it('stays when text behind it changes, but takes in a word that goes on', () => {
    expect(after({ from: 8, to: 12, insert: 'cube' })).toBe('red');
    expect(after({ from: 7, to: 7, insert: ' big' })).toBe('red');
    expect(after({ from: 7, to: 7, insert: 'dish' })).toBe('reddish');
    expect(after({ from: 7, to: 8, insert: '-' })).toBe('red');
  });
  it('keeps a mark whose whole text is replaced', () => {
    expect(after({ from: 4, to: 7, insert: 'blue' })).toBe('blue');
  });
  it('gives up what a wider replacement covers', () => {
    expect(after({ from: 0, to: 5, insert: '' })).toBe('ed');
    expect(after({ from: 6, to: 12, insert: 'x' })).toBe('re');
    const lost = mapRange(red, { from: 0, to: 12, insert: 'It' }, text);
    expect(lost.from).toBe(lost.to);
  });
  it('an emptied mark lives again when typed at its place', () => {
    const emptied = mapRange(red, { from: 4, to: 7, insert: '' }, text);
    expect(emptied).toEqual({ from: 4, to: 4 });
    const short = apply(text, { from: 4, to: 7, insert: '' });
    const first = mapRange(emptied, { from: 4, to: 4, insert: 'b' }, short);
    const second = mapRange(
      first,
      { from: 5, to: 5, insert: 'lue' },
      apply(short, { from: 4, to: 4, insert: 'b' }),
    );
    expect(second).toEqual({ from: 4, to: 8 });
  });
  it('never leaves the text and never inverts, whatever is typed', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 30 }),
        fc.array(fc.record({ a: fc.nat(40), b: fc.nat(40), insert: fc.string({ maxLength: 5 }) }), {
          maxLength: 12,
        }),
        fc.nat(30),
        fc.nat(30),
        (start, edits, x, y) => {
          let current = start;
          let range = {
            from: Math.min(x, y, current.length),
            to: Math.min(Math.max(x, y), current.length),
          };
          for (const edit of edits) {
            const from = Math.min(edit.a, edit.b, current.length);
            const to = Math.min(Math.max(edit.a, edit.b), current.length);
            const change = { from, to, insert: edit.insert };
            range = mapRange(range, change, current);
            current = apply(current, change);
            expect(range.from).toBeGreaterThanOrEqual(0);
            expect(range.to).toBeGreaterThanOrEqual(range.from);
            expect(range.to).toBeLessThanOrEqual(current.length);
          }
        },
      ),
    );
  });
});

describe('continuesWord', () => {
  it('knows letters, combining marks and scripts without spaces', () => {
    expect(continuesWord('red', 'dish')).toBe(true);
    expect(continuesWord('red', ', blue')).toBe(false);
    expect(continuesWord('cafe', '\u0301')).toBe(true);
    expect(continuesWord('赤', '球')).toBe(false);
    expect(continuesWord('👩', '\u200d💻')).toBe(true);
  });
});

describe('spans', () => {
  const emoji = '🎈 the 👩‍💻 waves';
  it('count code points and carry the quote', () => {
    const range = { from: emoji.indexOf('waves'), to: emoji.length };
    expect(toSpan(emoji, range)).toEqual({ start: 10, end: 15, quote: 'waves' });
    expect(fromSpan(emoji, { start: 10, end: 15, quote: 'waves' })).toEqual(range);
  });
  it('find a quote that moved, and flag one that is gone', () => {
    expect(fromSpan(text, { start: 0, end: 3, quote: 'ball' })).toEqual({ from: 8, to: 12 });
    expect(fromSpan(text, { start: 4, end: 8, quote: 'blue' })).toEqual({ from: 4, to: 4 });
    expect(fromSpan('ab', { start: 50, end: 60, quote: 'zz' })).toEqual({ from: 2, to: 2 });
  });
  it('trim a selection to words and whole characters', () => {
    expect(trimSelection(text, { from: 3, to: 8 })).toEqual({ from: 4, to: 7 });
    expect(trimSelection('a🎈b', { from: 2, to: 4 })).toEqual({ from: 1, to: 4 });
    expect(trimSelection('   ', { from: 0, to: 3 })).toEqual({ from: 3, to: 3 });
  });
});
