/**
 * @file Spurious co-occurrence: in a preferred answer, one concept is replaced by another that often appears together with the rest of it,
 * but is not in the clip as far as its answers say. English, and only where the new word fits the form of the old one.
 */
import type { Phrase, QuestionType, Span, SwapReason } from '../contract/schemas.ts';
import { toCodePoints } from '../contract/text.ts';
import {
  conceptKey,
  conceptsOfSample,
  formOf,
  lemmaOf,
  posOf,
  weightOf,
  type CoOccurrence,
  type ConceptStatistics,
} from './concept-statistics.ts';
import { placedConcepts, type PlacedConcept } from './concepts.ts';
import { judge } from './judge.ts';
import { alike, sameConcept, sentenceKindOf } from './kinds.ts';
import { pluralOf, stemOf } from './normalize.ts';
import type { Synonyms } from './synonyms.ts';

/** A preferred answer with one concept replaced. */
export type Swap = {
  rejected: string;
  /** The replaced words, by construction. */
  phrases: Phrase[];
  /** The suggested concept as a noun phrase, for a question that suggests it; null where it is not a thing. */
  hint: string | null;
  why: SwapReason;
};

type Sample = { type: QuestionType; question: string; chosen: string };

/** One replacement: the concept's places in the answer, and what stands for it. */
type Candidate = { places: readonly PlacedConcept[]; key: string; reason: CoOccurrence };

/**
 * Swaps of a sample's answer, at most `limit`, each of another concept, the strongest co-occurrence first. `inClip`: keys of concepts that
 * must not be swapped in, since answers about the clip name them. None that the judge would not call wrong.
 */
export function proposeSwaps(
  sample: Sample,
  statistics: ConceptStatistics,
  { inClip, limit, synonyms = [] }: { inClip: ReadonlySet<string>; limit: number; synonyms?: Synonyms },
): Swap[] {
  const placed = placedConcepts(sample.chosen);
  const named = new Set(conceptsOfSample(sample).map(([key]) => key));
  const taken = new Set([...named, ...inClip].map((key) => stemOf(alike(lemmaOf(key)))));
  const { type, question, chosen: reference } = sample;
  const swaps: Swap[] = [];
  const done = new Set<string>();
  // All concepts' candidates in one order: judging costs most, so it ends as soon as there are enough.
  const all = [...Map.groupBy(placed, conceptKey)]
    .flatMap(([key, places]) => candidates(key, places, named, taken, statistics))
    .sort(byWeight);
  for (const candidate of all) {
    if (swaps.length === limit) break;
    const key = conceptKey(candidate.places[0]);
    const swap = done.has(key) ? null : carryOut(sample, candidate, statistics);
    if (swap === null) continue;
    if (judge({ type, question, reference, answer: swap.rejected }, synonyms).verdict !== 'wrong') continue;
    done.add(key);
    swaps.push(swap);
  }
  return swaps;
}

const byWeight = (a: Candidate, b: Candidate): number =>
  weightOf(b.reason) - weightOf(a.reason) || (a.key < b.key ? -1 : 1);

/** What may stand for a concept. */
function candidates(
  key: string,
  places: readonly PlacedConcept[],
  named: ReadonlySet<string>,
  taken: ReadonlySet<string>,
  statistics: ConceptStatistics,
): Candidate[] {
  const lemma = lemmaOf(key);
  const kind = sentenceKindOf(lemma);
  // Where a thing goes or stands has a fixed set of words; "one" would ask for other nouns beside it.
  if ((posOf(key) === 'preposition' && kind === undefined) || lemma === '1') return [];
  const best = new Map<string, CoOccurrence>();
  for (const anchor of named) {
    if (anchor === key) continue;
    for (const reason of statistics.partners(anchor)) {
      const other = reason.b;
      const fits =
        posOf(other) === posOf(key) &&
        sentenceKindOf(lemmaOf(other)) === kind &&
        lemmaOf(other) !== '1' &&
        !taken.has(stemOf(alike(lemmaOf(other)))) &&
        !sameConcept(lemmaOf(other), lemma);
      const known = best.get(other);
      if (fits && (known === undefined || weightOf(reason) > weightOf(known))) best.set(other, reason);
    }
  }
  return [...best].map(([other, reason]) => ({ places, key: other, reason }));
}

function carryOut(
  { chosen }: Sample,
  { places, key, reason }: Candidate,
  statistics: ConceptStatistics,
): Swap | null {
  const replaced = replaceConcept(chosen, places, key, statistics);
  return (
    replaced && {
      ...replaced,
      why: {
        concept: places[0].lemma,
        suggested: lemmaOf(key),
        with: lemmaOf(reason.a),
        together: reason.together,
        samples: statistics.samples,
        lift: reason.lift,
      },
    }
  );
}

/** The text with another concept in all the places of one; null where a form of it does not fit. */
export function replaceConcept(
  chosen: string,
  places: readonly PlacedConcept[],
  key: string,
  statistics: ConceptStatistics,
): Pick<Swap, 'rejected' | 'phrases' | 'hint'> | null {
  const phrases: Phrase[] = [];
  let rejected = '';
  let at = 0;
  for (const place of places) {
    const word = wordFor(key, place, statistics);
    if (word === null) return null;
    rejected += withArticle(chosen.slice(at, place.start), word);
    const start = rejected.length;
    rejected += word;
    phrases.push({
      id: `s-${phrases.length + 1}`,
      number: phrases.length + 1,
      chosen: spanOf(chosen, place.start, place.end),
      rejected: spanOf(rejected, start, rejected.length),
      origin: 'proposed',
    });
    at = place.end;
  }
  rejected += chosen.slice(at);
  return { rejected, phrases, hint: hintOf(phrases[0].rejected!.quote.toLowerCase(), places[0]) };
}

function spanOf(text: string, start: number, end: number): Span {
  return { start: toCodePoints(text, start), end: toCodePoints(text, end), quote: text.slice(start, end) };
}

/** The concept in the form that fits a place: as the project's own answers have it, or by rule; null where it does not fit. */
function wordFor(key: string, place: PlacedConcept, statistics: ConceptStatistics): string | null {
  const { inflection, frame } = place;
  if (inflection === 'fixed') return null;
  const forms = statistics.forms(key);
  const has = (...wanted: string[]): boolean => wanted.some((form) => forms.has(form));
  const inflected = (): string | undefined =>
    [...forms].find(([form]) => form.startsWith(`${inflection}/`))?.[1];
  const lemma = lemmaOf(key);
  let word: string | undefined;
  switch (place.pos) {
    case 'noun': {
      const counts = has('singular/a', 'plural/a', 'plural/the', 'plural/bare');
      const fits =
        frame === 'bare' && inflection === 'singular' ? has('singular/bare') : counts || frame === 'the';
      if (fits) word = inflected() ?? (inflection === 'plural' ? pluralOf(lemma) : lemma);
      break;
    }
    case 'verb':
      // Only beside what this verb has been seen with: "chases a ball", but not "runs a ball".
      if ([...forms.keys()].some((form) => form.endsWith(`/${frame}`)))
        word =
          inflected() ?? (inflection === 's' ? pluralOf(lemma) : inflection === 'base' ? lemma : undefined);
      break;
    default:
      word = forms.get(formOf(place));
  }
  if (word === undefined) return null;
  return /^\p{Lu}/u.test(place.text) ? word[0].toUpperCase() + word.slice(1) : word;
}

/** Words that begin with a vowel to the ear, or only to the eye. */
const VOWEL_SOUND = /^(?:[aeiou]|hour|honest|honou?r|heir)/i;
const CONSONANT_SOUND = /^(?:uni(?!n)|use|usu|eu|one\b|once)/i;
const takesAn = (word: string): boolean => VOWEL_SOUND.test(word) && !CONSONANT_SOUND.test(word);

/** The text before a word, with "a" or "an" as the word wants it. */
function withArticle(before: string, word: string): string {
  return before.replace(/(?<=^|\P{L})(a)n?(?=\s+$)/iu, (_, a: string) => (takesAn(word) ? `${a}n` : a));
}

/** "a ball", "balls", "a blue circle", "something that spins"; null for what is not said so. */
function hintOf(word: string, { pos, inflection, noun }: PlacedConcept): string | null {
  const a = (words: string): string => `${takesAn(words) ? 'an' : 'a'} ${words}`;
  switch (pos) {
    case 'noun':
      return inflection === 'plural' ? word : a(word);
    case 'adjective':
      if (noun === '') return `something ${word}`;
      return noun.endsWith('s') ? `${word} ${noun}` : a(`${word} ${noun}`);
    case 'verb':
      return inflection === 's' ? `something that ${word}` : null;
    case 'number':
    case 'adverb':
    case 'preposition':
      return null;
    default:
      return pos satisfies never;
  }
}
