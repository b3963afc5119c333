/** @file Answers as words, and which of the words name something: what differences are looked for in. English; other scripts are cut into words. */
import { stemOf } from './normalize.ts';

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

/** Words that only lead to what is told: "the clip shows ..." says no more than "...". */
const FRAME_NOUNS = new Set('video clip scene footage'.split(' '));
const FRAME_WORDS = new Set([
  ...FRAME_NOUNS,
  ...'shows show shown showing features depicts captures seen see i'.split(' '),
]);

/** Beginnings of phrases that may stand at either end of a sentence without saying something else. */
export const MOVABLE = new Set('in on at near inside outside under because during'.split(' '));

/** A word or a punctuation mark. Offsets are UTF-16 indices; tokens with one `stem` are forms of one word. */
export type Token = { text: string; key: string; stem: string; start: number; end: number; word: boolean };

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/**
 * Spaces and what stands up to the next ones. No word goes over a space (Unicode's WSegSpace; UAX 29), so each stretch is cut by
 * itself, the same wherever it stands.
 */
const STRETCH =
  /[ \n\u1680\u2000-\u2006\u2008-\u200a\u205f\u3000]*[^ \n\u1680\u2000-\u2006\u2008-\u200a\u205f\u3000]+/g;
/** Answers use the same few thousand words, and to cut and stem one costs far more than to look it up. */
const cuts = new Map<string, Token[]>();
const MAX_CUTS = 20_000;
/** Longer stretches (a sentence without spaces) hardly come again, and would fill memory. UTF-16 units. */
const MAX_KEPT = 40;

export function tokenize(text: string): Token[] {
  const out: Token[] = [];
  for (const { 0: stretch, index } of text.matchAll(STRETCH))
    for (const { text, key, stem, start, end, word } of tokensOf(stretch))
      out.push({ text, key, stem, start: index + start, end: index + end, word });
  return out;
}

/** The tokens of one stretch, with offsets in it. */
function tokensOf(stretch: string): readonly Token[] {
  const known = cuts.get(stretch);
  if (known) return known;
  const tokens: Token[] = [];
  for (const { segment, index, isWordLike } of segmenter.segment(stretch)) {
    if (segment.trim() === '') continue;
    const key = segment.normalize('NFC').toLowerCase();
    tokens.push({
      text: segment,
      key,
      stem: stemOf(key),
      start: index,
      end: index + segment.length,
      word: isWordLike ?? false,
    });
  }
  if (stretch.length <= MAX_KEPT) {
    if (cuts.size >= MAX_CUTS) cuts.clear();
    cuts.set(stretch, tokens);
  }
  return tokens;
}

/** True for a word of its own meaning. `A` is an article in a sentence and an answer in `(A)`, `A.` or alone. */
export function isContent(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i];
  if (!token.word) return false;
  if (/^[A-Z]$/.test(token.text)) {
    const next = tokens[i + 1]?.text;
    const optionLetter =
      tokens.length === 1 || tokens[i - 1]?.text === '(' || next === ')' || next === '.' || next === ':';
    if (optionLetter) return true;
  }
  return !FUNCTION_WORDS.has(token.key) && !FRAME_WORDS.has(token.key) && !leadsToFrame(tokens, i);
}

/** The "in" of "in the video". */
function leadsToFrame(tokens: readonly Token[], i: number): boolean {
  const next = tokens[i + 1];
  const noun = next !== undefined && FUNCTION_WORDS.has(next.key) ? tokens[i + 2] : next;
  return MOVABLE.has(tokens[i].key) && noun !== undefined && FRAME_NOUNS.has(noun.key);
}
