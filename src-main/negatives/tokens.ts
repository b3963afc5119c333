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

export function tokenize(text: string): Token[] {
  const out: Token[] = [];
  for (const { segment, index, isWordLike } of segmenter.segment(text)) {
    if (segment.trim() === '') continue;
    const key = segment.normalize('NFC').toLowerCase();
    out.push({
      text: segment,
      key,
      stem: stemOf(key),
      start: index,
      end: index + segment.length,
      word: isWordLike ?? false,
    });
  }
  return out;
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
