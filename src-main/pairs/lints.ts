/** @file What is wrong or doubtful about a pair before training. Errors keep a pair from training; warnings do not. */
import type { z } from 'zod';
import type { Lint, LintCode, Phrase, QuestionType, Span, Split } from '../contract/schemas.ts';
import { codePointLength, sliceCodePoints } from '../contract/text.ts';

/** What the lints look at. */
export type LintInput = {
  question: string;
  type: QuestionType;
  split: Split;
  chosen: string;
  rejected: string;
  phrases: readonly Phrase[];
};
type Code = z.infer<typeof LintCode>;
type Found = z.infer<typeof Lint>;

/** A whole answer marked is natural up to this many words ("Yes", "to the left"). */
const SHORT_ANSWER_WORDS = 3;
/** Answers shorter than this many code points may differ in length as they like. */
const LENGTH_FLOOR = 20;
const LENGTH_RATIO = 2;
/** A question shorter than this many words may well occur in an answer. */
const QUESTION_WORDS = 4;
/** Marks of chat templates and prompts; as plain text in an answer they are left over, as tokens they would break the prompt. */
const TEMPLATE =
  /<\|[a-z_]+\|>|<\/?s>|<(?:image|video)>|\[\/?INST\]|<\/?MASK>|\b(?:USER|ASSISTANT|Human|Assistant):/;
/** Runs of letters of the scripts that belong together in one language. */
const SCRIPTS: Record<string, RegExp> = {
  Latin: /\p{Script=Latin}+/gu,
  Cyrillic: /\p{Script=Cyrillic}+/gu,
  Greek: /\p{Script=Greek}+/gu,
  Arabic: /\p{Script=Arabic}+/gu,
  Hebrew: /\p{Script=Hebrew}+/gu,
  Devanagari: /\p{Script=Devanagari}+/gu,
  Thai: /\p{Script=Thai}+/gu,
  Hangul: /\p{Script=Hangul}+/gu,
  'Chinese or Japanese': /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu,
};

/** Small words by which languages of one script are told apart, each with its languages; those that another language has too count for both. */
const SMALL_WORDS = new Map<string, string[]>();
for (const [language, list] of Object.entries({
  English: 'a the of and as do no die is are was were to it that with on at this which from by an then while',
  German: 'der die das und ist sind war nicht ein eine mit auf von zu den dem im dann wird',
  French: 'le la les des est sont et un une dans sur pas qui avec du au il elle puis',
  Spanish: 'el la los las es son y un una en con no que del se por hacia luego está',
  Italian: 'il lo la gli è sono e un una nel con non che di del verso poi sta',
  Portuguese: 'o a os as é são e um uma em com não que do da para está depois',
  Dutch: 'de het een en zijn niet met op van dat naar wordt dan die',
}))
  for (const word of new Set(list.split(' ')))
    SMALL_WORDS.set(word, [...(SMALL_WORDS.get(word) ?? []), language]);
/** So many small words of one language, twice as many as of any other, make a text that language's. */
const ENOUGH_SMALL_WORDS = 3;

const words = (text: string): number => text.trim().split(/\s+/u).filter(Boolean).length;

/** Why a mark no longer marks what it did, or null when its quote is the text under it. */
export function lostMark(text: string, span: Span): string | null {
  if (span.end > codePointLength(text) || span.start > span.end)
    return `[${span.start}, ${span.end}) is outside the answer`;
  if (span.start === span.end) return 'its text was deleted';
  const under = sliceCodePoints(text, span.start, span.end);
  return under === span.quote ? null : `it was "${span.quote}" and now covers "${under}"`;
}

/** Every lint of a pair, errors first. */
export function lintPair(pair: LintInput): Found[] {
  const found: Found[] = [];
  const add = (code: Code, severity: Found['severity'], message: string): void => {
    found.push({ code, severity, message });
  };
  const chosen = pair.chosen.trim();
  const rejected = pair.rejected.trim();

  if (pair.split === 'heldout')
    add('heldout-leak', 'error', 'Its video is held out for comparison: the pair is never trained on.');
  if (!chosen || !rejected)
    add('empty-answer', 'error', `The ${chosen ? 'non-preferred' : 'preferred'} answer is empty.`);
  else if (chosen === rejected) add('identical-answers', 'error', 'Both answers are the same.');
  lintMarks(pair, add);

  const lengths = [codePointLength(chosen), codePointLength(rejected)];
  const ratio = Math.max(...lengths) / Math.max(1, Math.min(...lengths));
  if (ratio > LENGTH_RATIO && Math.max(...lengths) >= LENGTH_FLOOR)
    add(
      'length-gap',
      'warning',
      `One answer is ${ratio.toFixed(1)} times as long as the other: the model may learn length instead of content.`,
    );

  for (const [name, text] of [
    ['preferred', pair.chosen],
    ['non-preferred', pair.rejected],
  ]) {
    const left = TEMPLATE.exec(text)?.[0];
    if (left)
      add('leaked-prompt', 'error', `The ${name} answer contains "${left}", which belongs to the prompt.`);
    else if (
      words(pair.question) >= QUESTION_WORDS &&
      text.toLowerCase().includes(pair.question.trim().toLowerCase())
    )
      add('leaked-prompt', 'warning', `The ${name} answer repeats the whole question.`);
  }

  const [a, b] = [mainScript(chosen), mainScript(rejected)];
  if (a && b && a !== b)
    add('language-mismatch', 'warning', `The preferred answer is in ${a} script, the non-preferred in ${b}.`);
  const [c, d] = [languageOf(chosen), languageOf(rejected)];
  if (a === b && c && d && c !== d)
    add('language-mismatch', 'warning', `The preferred answer looks ${c}, the non-preferred ${d}.`);
  return found.sort((x, y) => Number(x.severity === 'warning') - Number(y.severity === 'warning'));
}

function lintMarks(
  pair: LintInput,
  add: (code: Code, severity: Found['severity'], message: string) => void,
): void {
  const sides = [
    ['chosen', 'preferred', pair.chosen],
    ['rejected', 'non-preferred', pair.rejected],
  ] as const;
  let lost = false;
  for (const phrase of pair.phrases) {
    if (!phrase.chosen && !phrase.rejected) {
      lost = true;
      add('lost-mark', 'error', `Phrase ${phrase.number} marks nothing in either answer.`);
    }
    for (const [side, name, text] of sides) {
      const span = phrase[side];
      const why = span && lostMark(text, span);
      if (!why) continue;
      lost = true;
      add('lost-mark', 'error', `Phrase ${phrase.number} lost its mark in the ${name} answer: ${why}.`);
    }
  }
  if (pair.phrases.length === 0) {
    add('no-phrase', 'error', 'No phrase is marked: there is nothing for the loss to reward.');
    return;
  }
  if (lost) return; // what follows would repeat it in other words
  const missing = sides.find(([side]) => pair.phrases.every((phrase) => !phrase[side]));
  const single = pair.phrases.filter((phrase) => !phrase.chosen || !phrase.rejected);
  if (missing)
    add(
      'one-sided-phrases',
      'error',
      `Nothing is marked in the ${missing[1]} answer; each needs at least one phrase.`,
    );
  else if (single.length > 0)
    add(
      'one-sided-phrases',
      'warning',
      `Phrase ${single.map((p) => p.number).join(', ')} has a mark in one answer only; its other side counts nothing.`,
    );
  for (const [side, name, text] of sides) {
    const trimmed = text.trim();
    const whole = pair.phrases.some((phrase) => phrase[side]?.quote.trim() === trimmed);
    if (whole && words(trimmed) > SHORT_ANSWER_WORDS)
      add(
        'phrase-is-whole-answer',
        'warning',
        `A phrase is the whole ${name} answer: mark only the words that make the difference.`,
      );
  }
}

/** The script most letters are in, or null with fewer than three letters. */
function mainScript(text: string): string | null {
  let best: string | null = null;
  let most = 2;
  for (const [name, pattern] of Object.entries(SCRIPTS)) {
    const n = (text.match(pattern) ?? []).reduce((sum, run) => sum + codePointLength(run), 0);
    if (n > most) [best, most] = [name, n];
  }
  return best;
}

/** The language of a text in Latin script, or null when its small words do not tell. */
function languageOf(text: string): string | null {
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? [])
    for (const language of SMALL_WORDS.get(word) ?? []) counts.set(language, (counts.get(language) ?? 0) + 1);
  const [first, second] = [...counts].sort(([, n], [, m]) => m - n);
  if (first === undefined || first[1] < ENOUGH_SMALL_WORDS) return null;
  return first[1] >= 2 * (second?.[1] ?? 0) ? first[0] : null;
}
