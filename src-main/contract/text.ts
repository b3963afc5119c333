/**
 * @file Code-point offsets on both sides of the border. JavaScript counts UTF-16 units, Python and tokenizers count
 * code points; marks are stored in code points, with the quoted text, so that no runtime can move them.
 */

/**
 * Characters (UTF-16 units) an answer can be typed or pasted up to: with the prompt, no supported model reads more
 * (32,768 tokens). A longer one that was imported is kept and can be shortened.
 */
export const ANSWER_LIMIT = 100_000;

/** Number of Unicode code points in `text`. */
export function codePointLength(text: string): number {
  let n = 0;
  for (let i = 0; i < text.length; n++) i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  return n;
}

/** UTF-16 index of the code point number `offset`; throws when the text is shorter. */
export function toUtf16(text: string, offset: number): number {
  let i = 0;
  for (let n = 0; n < offset; n++) {
    if (i >= text.length)
      throw new RangeError(
        `text: expected at least ${offset} code points, got ${n} ("${text.slice(0, 40)}")`,
      );
    i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  }
  return i;
}

/** Code-point offset of a UTF-16 index. An index inside a surrogate pair counts the pair's start. */
export function toCodePoints(text: string, utf16: number): number {
  let n = 0;
  let i = 0;
  while (i < utf16) {
    i += text.codePointAt(i)! > 0xffff ? 2 : 1;
    if (i <= utf16) n++;
  }
  return n;
}

/** The part of `text` between two code-point offsets. */
export function sliceCodePoints(text: string, start: number, end: number): string {
  return text.slice(toUtf16(text, start), toUtf16(text, end));
}
