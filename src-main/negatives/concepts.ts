/**
 * @file What a sentence names: its clauses, and in each the words of meaning with their part of speech and dictionary form. The one
 * home of wink-nlp (English, offline, deterministic). Its model is read at the first use: about 0.3 s and 30 MB.
 */
import { createRequire } from 'node:module';
import type winkNLP from 'wink-nlp';
import type { Model } from 'wink-eng-lite-web-model';
import { alike } from './kinds.ts';
import { NEGATIONS, normalText, stemOf } from './normalize.ts';

/** A word of meaning. */
export type Concept = {
  /** As in the text. */
  text: string;
  /** Dictionary form, normalised: what `kinds.ts` lists. */
  lemma: string;
  /** Equal for all forms of a word and for words that say the same. */
  stem: string;
  pos: 'noun' | 'verb' | 'adjective' | 'adverb' | 'number' | 'preposition';
};

/** One statement of a text. */
export type Clause = { concepts: Concept[]; denies: boolean };

const PARTS: Readonly<Record<string, Concept['pos']>> = {
  NOUN: 'noun',
  PROPN: 'noun',
  VERB: 'verb',
  ADJ: 'adjective',
  ADV: 'adverb',
  NUM: 'number',
};

/** Prepositions and particles that say where something is or goes; all others carry no concept. */
const PLACES = new Set(
  'on under above behind inside outside toward away into out up down left right before after'.split(' '),
);

/** Words of meaning by their part of speech that say nothing about a clip. */
const EMPTY = new Set(
  (
    'be have do see show seem go get video clip scene footage image frame camera view viewer there here then also just very so ' +
    'only together while as can other same thing'
  ).split(' '),
);

let nlp: ReturnType<typeof winkNLP> | null = null;

function reader(): ReturnType<typeof winkNLP> {
  // Not a static import: most runs of the program judge nothing, and need not pay for the model.
  const load = createRequire(import.meta.url);
  nlp ??= (load('wink-nlp') as typeof winkNLP)(load('wink-eng-lite-web-model') as Model, ['sbd', 'pos']);
  return nlp;
}

type Word = { text: string; pos: string; lemma: string };

/** The clauses of a text, without those that name nothing. */
export function clausesOf(text: string): Clause[] {
  const wink = reader();
  const tokens = wink.readDoc(text).tokens();
  const texts = tokens.out();
  // The library takes its own functions as names of what is wanted; their typings miss what `out` hands them.
  /* eslint-disable @typescript-eslint/unbound-method */
  const parts = tokens.out(wink.its.pos) as string[];
  const lemmas = tokens.out<string>(wink.its.lemma as typeof wink.its.normal);
  /* eslint-enable */
  const words = texts.map((word, i): Word => ({ text: word, pos: parts[i], lemma: lemmas[i] }));
  return cut(withVerbs(words))
    .map((clause) => ({
      concepts: clause.flatMap((word, i) => conceptOf(word, clause[i - 1]) ?? []),
      denies: clause.some(({ text: word }) => denies(word)),
    }))
    .filter(({ concepts }) => concepts.length > 0);
}

const denies = (word: string): boolean => NEGATIONS.has(word.toLowerCase()) || /^n['’]t$/i.test(word);

/** "A dog chases a cat": the tagger takes many a third person for a plural. Where a clause has no verb yet, it is the verb. */
function withVerbs(words: readonly Word[]): Word[] {
  let hasVerb = false;
  return words.map((word, i) => {
    if (word.pos === 'PUNCT' || word.pos === 'CCONJ') hasVerb = false;
    if (word.pos === 'VERB' || word.pos === 'AUX') hasVerb = true;
    // "A red square moves": the tagger knows the square as an adjective only.
    const before = words[i - 1]?.text.toLowerCase() === 'square' ? 'NOUN' : (words[i - 1]?.pos ?? '');
    const after = words[i + 1]?.pos ?? 'PUNCT';
    const stands =
      /^(?:NOUN|PROPN|PRON|CCONJ)$/.test(before) && /^(?:DET|ADP|ADV|PUNCT|PRON|NUM|CCONJ|PART)$/.test(after);
    if (hasVerb || word.pos !== 'NOUN' || !/[a-z]s$/.test(word.text) || !stands) return word;
    hasVerb = true;
    return { ...word, pos: 'VERB', lemma: normalText(word.text) };
  });
}

/** At punctuation, "while" and "but"; at "and" and "then" where both sides have a verb of their own ("a man and a woman dance" is one). */
function cut(words: readonly Word[]): Word[][] {
  const out: Word[][] = [[]];
  const hasVerb = (part: readonly Word[]): boolean => part.some(({ pos }) => pos === 'VERB' || pos === 'AUX');
  words.forEach((word, i) => {
    const end = words.findIndex(({ pos, text }, k) => k > i && (pos === 'PUNCT' || text === 'and'));
    const after = words.slice(i + 1, end < 0 ? undefined : end);
    const joint = /^(?:and|then)$/i.test(word.text) && hasVerb(out.at(-1)!) && hasVerb(after);
    if (word.pos === 'PUNCT' || joint || /^(?:while|but)$/i.test(word.text)) out.push([]);
    else out.at(-1)!.push(word);
  });
  return out;
}

function conceptOf({ text, pos, lemma }: Word, before: Word | undefined): Concept | null {
  const surface = normalText(text);
  // "to the left" comes out as a form of "leave", as "he left the room" should.
  const direction = surface === 'left' && (before === undefined || !/^(?:NOUN|PROPN|PRON)$/.test(before.pos));
  if (PLACES.has(surface) && (direction || surface !== 'left'))
    return { text, lemma: surface, stem: surface, pos: 'preposition' };
  const part = /^\d/.test(surface) ? 'number' : PARTS[pos];
  const normal = normalText(lemma) || surface;
  if (part === undefined || EMPTY.has(normal) || surface === '' || denies(text)) return null;
  return { text, lemma: normal, stem: stemOf(alike(normal)), pos: part };
}
