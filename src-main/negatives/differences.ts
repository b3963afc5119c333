/**
 * @file Where two answers differ, as proposed phrases: an aligned difference of words, without the words that carry no meaning of
 * their own. A proposal only: a person decides (the method's authors ask a language model, `rrpo.md` 3.5).
 */
import { diffArrays } from 'diff';
import type { Phrase, Span } from '../contract/schemas.ts';
import { toCodePoints } from '../contract/text.ts';

/**
 * Words that name nothing by themselves. Prepositions are not here: "to the left" and "from the left" differ in what happens, and
 * neither are "not" and the numbers.
 */
const FUNCTION_WORDS = new Set(
  (
    'a an the this that these those is are was were be been being am has have had do does did it its they them their ' +
    'he she his her him there here and or so then as of which who what while can could will would shall should may ' +
    'might also just very'
  ).split(' '),
);

/** Differing stretches joined when nothing but one of these words or a comma lies between. */
const MAX_GAP_TOKENS = 1;

/** Give up aligning beyond this many changed words; then everything between equal beginning and end is one difference. */
const MAX_EDITS = 600;

/** A word or a punctuation mark. Offsets are UTF-16 indices. */
type Token = { text: string; key: string; start: number; end: number; word: boolean };

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

function tokenize(text: string): Token[] {
  const out: Token[] = [];
  for (const { segment, index, isWordLike } of segmenter.segment(text)) {
    if (segment.trim() === '') continue;
    out.push({
      text: segment,
      key: segment.normalize('NFC').toLowerCase(),
      start: index,
      end: index + segment.length,
      word: isWordLike ?? false,
    });
  }
  return out;
}

/** True for a word of its own meaning. `A` is an article in a sentence and an answer in `(A)`, `A.` or alone. */
function isContent(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i];
  if (!token.word) return false;
  if (/^[A-Z]$/.test(token.text)) {
    const next = tokens[i + 1]?.text;
    const optionLetter =
      tokens.length === 1 || tokens[i - 1]?.text === '(' || next === ')' || next === '.' || next === ':';
    if (optionLetter) return true;
  }
  return !FUNCTION_WORDS.has(token.key);
}

/** A differing stretch: token ranges [start, end) on both sides; one of them may be empty. */
type Hunk = { chosen: [number, number]; rejected: [number, number] };

/**
 * Proposed phrases for two answers, numbered in the order of the preferred one. A replaced stretch gives both sides; a stretch that
 * only one answer has gives one side. Case and white space do not count. Spans are in code points.
 */
export function proposePhrases(chosen: string, rejected: string): Phrase[] {
  const a = tokenize(chosen);
  const b = tokenize(rejected);
  const phrases: Phrase[] = [];
  for (const hunk of joinNear(align(a, b), a, b)) {
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

/** Differing stretches in order. */
function align(a: readonly Token[], b: readonly Token[]): Hunk[] {
  const changes = diffArrays(
    a.map((t) => t.key),
    b.map((t) => t.key),
    { maxEditLength: MAX_EDITS },
  );
  if (!changes) return [between(a, b)];
  const hunks: Hunk[] = [];
  let i = 0;
  let j = 0;
  let open: Hunk | null = null;
  for (const change of changes) {
    const n = change.value.length;
    if (!change.added && !change.removed) {
      open = null;
      i += n;
      j += n;
      continue;
    }
    if (!open) {
      open = { chosen: [i, i], rejected: [j, j] };
      hunks.push(open);
    }
    if (change.removed) open.chosen[1] = i += n;
    else open.rejected[1] = j += n;
  }
  return hunks;
}

/** Everything between the equal beginning and the equal end. */
function between(a: readonly Token[], b: readonly Token[]): Hunk {
  let head = 0;
  while (head < a.length && head < b.length && a[head].key === b[head].key) head++;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail].key === b[b.length - 1 - tail].key
  )
    tail++;
  return { chosen: [head, a.length - tail], rejected: [head, b.length - tail] };
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
      a.slice(gap[0], gap[1]).every((t, k) => t.word && !isContent(a, gap[0] + k)) &&
      // Both stretches must be replacements of meaning, or joining would swallow a plain insertion.
      [last!, hunk].every((h) => trimmed(a, h.chosen) && trimmed(b, h.rejected));
    if (near) {
      last!.chosen[1] = hunk.chosen[1];
      last!.rejected[1] = hunk.rejected[1];
    } else out.push({ chosen: [...hunk.chosen], rejected: [...hunk.rejected] });
  }
  return out;
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
