/**
 * @file Key-difference phrases as the loss sees them: which tokens overlap a phrase. The spans and the official tagged text
 * are in `platform/tagged-text.ts`, which the import formats share.
 */
import { trimSpan, type TextSpan } from '../platform/tagged-text.ts';

/** Which tokens the loss rewards, and which phrases reward nothing. */
export type TokenMarks = {
  /** Per token: 0 unmarked, k the phrase `spans[k - 1]`. The loss only asks whether it is 0. */
  readonly phraseOf: Int32Array;
  /** Number of tokens with a mark. */
  readonly marked: number;
  /** Indices into `spans` of phrases that cover no token (white space only, or only a combining mark). */
  readonly uncovered: readonly number[];
};

/**
 * Marks every token that overlaps a span by at least one code point; the spans are first trimmed of white space at both
 * ends, because a byte-level token owns the space in front of its word. A token under two spans belongs to the first.
 */
export function markTokens(
  text: string,
  tokenOffsets: readonly TextSpan[],
  spans: readonly TextSpan[],
): TokenMarks {
  const phraseOf = new Int32Array(tokenOffsets.length);
  const uncovered: number[] = [];
  const trimmed = spans.map((span) => trimSpan(text, span));
  trimmed.forEach((span, index) => {
    let covers = false; // a blank phrase trims to nothing and covers nothing
    tokenOffsets.forEach((token, position) => {
      if (span.start === span.end || token.start >= span.end || span.start >= token.end) return;
      covers = true;
      if (phraseOf[position] === 0) phraseOf[position] = index + 1;
    });
    if (!covers) uncovered.push(index);
  });
  return { phraseOf, marked: phraseOf.reduce((n, k) => n + (k > 0 ? 1 : 0), 0), uncovered };
}
