/**
 * @file Where two answers differ, as proposed phrases: an aligned difference of words, without the words that carry no meaning of
 * their own. A proposal only: a person decides (the method's authors ask a language model, `rrpo.md` 3.5).
 */
import type { Phrase, Span } from '../contract/schemas.ts';
import { toCodePoints } from '../contract/text.ts';
import { align, type Hunk } from './alignment.ts';
import { isContent, tokenize, type Token } from './tokens.ts';

/** Differing stretches joined when nothing but one of these words or a comma lies between. */
const MAX_GAP_TOKENS = 1;

/**
 * Proposed phrases for two answers, numbered in the order of the preferred one. A replaced stretch gives both sides; a stretch that
 * only one answer has gives one side. Case, white space, tense, spelling, and the place of "in the park" in a sentence do not
 * count. Spans are in code points.
 */
export function proposePhrases(chosen: string, rejected: string): Phrase[] {
  const a = tokenize(chosen);
  const b = tokenize(rejected);
  const phrases: Phrase[] = [];
  for (const hunk of joinLetter(joinNear(align(a, b), a, b), a, b)) {
    const left = trimmed(a, hunk.chosen);
    const right = trimmed(b, hunk.rejected);
    // A stretch of meaning against one without: "the red" against "a" is marked as a whole on both sides.
    const chosenRange = left ?? (right ? full(hunk.chosen) : null);
    const rejectedRange = right ?? (left ? full(hunk.rejected) : null);
    if (!left && !right) continue;
    phrases.push({
      id: `d-${hunk.chosen[0]}-${hunk.rejected[0]}`,
      number: phrases.length + 1,
      chosen: span(chosen, a, chosenRange),
      rejected: span(rejected, b, rejectedRange),
      origin: 'proposed',
    });
  }
  return phrases;
}

/** Joins stretches between which only a word without meaning stands; never over the end of a sentence. */
function joinNear(hunks: readonly Hunk[], a: readonly Token[], b: readonly Token[]): Hunk[] {
  const out: Hunk[] = [];
  for (const hunk of hunks) {
    const last = out.at(-1);
    const gap: [number, number] | null = last ? [last.chosen[1], hunk.chosen[0]] : null;
    const near =
      gap !== null &&
      gap[1] - gap[0] <= MAX_GAP_TOKENS &&
      hunk.rejected[0] - last!.rejected[1] <= MAX_GAP_TOKENS &&
      (a.slice(gap[0], gap[1]).every((t, k) => t.word && !isContent(a, gap[0] + k)) ||
        isSwap(last!, hunk, a, b)) &&
      // Both stretches must be replacements of meaning, or joining would swallow a plain insertion.
      [last!, hunk].every((h) => trimmed(a, h.chosen) && trimmed(b, h.rejected));
    if (near) {
      last!.chosen[1] = hunk.chosen[1];
      last!.rejected[1] = hunk.rejected[1];
    } else out.push({ chosen: [...hunk.chosen], rejected: [...hunk.rejected] });
  }
  return out;
}

/**
 * The letter of an option and the text behind it are one choice: "B) red" against "A) blue" is one difference. A text that begins
 * with the same words ("B) Pretending to ...") leaves the letter to itself.
 */
function joinLetter(hunks: readonly Hunk[], a: readonly Token[], b: readonly Token[]): Hunk[] {
  const [letter, next, ...rest] = hunks;
  if (next === undefined || !isLetter(a, letter.chosen) || !isLetter(b, letter.rejected)) return [...hunks];
  const noWord = (tokens: readonly Token[], from: number, to: number): boolean =>
    tokens.slice(from, to).every((token) => !token.word);
  if (!noWord(a, letter.chosen[1], next.chosen[0]) || !noWord(b, letter.rejected[1], next.rejected[0]))
    return [...hunks];
  return [
    { chosen: [letter.chosen[0], next.chosen[1]], rejected: [letter.rejected[0], next.rejected[1]] },
    ...rest,
  ];
}

/** True for a stretch of one capital letter that is written as an option's. */
function isLetter(tokens: readonly Token[], [start, end]: readonly [number, number]): boolean {
  const range = trimmed(tokens, [start, end]);
  return range !== null && range[1] - range[0] === 1 && /^[A-Z]$/.test(tokens[range[0]].text);
}

/** "left to right" against "right to left". */
function isSwap(first: Hunk, second: Hunk, a: readonly Token[], b: readonly Token[]): boolean {
  const text = (tokens: readonly Token[], [start, end]: readonly [number, number]): string =>
    tokens
      .slice(start, end)
      .map((t) => t.stem)
      .join(' ');
  return (
    text(a, first.chosen) === text(b, second.rejected) && text(a, second.chosen) === text(b, first.rejected)
  );
}

/** The range without words of no meaning and punctuation at its ends; null when nothing remains. */
function trimmed(tokens: readonly Token[], [start, end]: readonly [number, number]): [number, number] | null {
  let from = start;
  let to = end;
  while (from < to && !isContent(tokens, from)) from++;
  while (to > from && !isContent(tokens, to - 1)) to--;
  return from < to ? [from, to] : null;
}

function full([start, end]: readonly [number, number]): [number, number] | null {
  return start < end ? [start, end] : null;
}

function span(text: string, tokens: readonly Token[], range: readonly [number, number] | null): Span | null {
  if (!range) return null;
  const { start } = tokens[range[0]];
  const { end } = tokens[range[1] - 1];
  return { start: toCodePoints(text, start), end: toCodePoints(text, end), quote: text.slice(start, end) };
}
