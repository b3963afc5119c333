/**
 * @file What a sentence names: its clauses, and in each the words of meaning with their part of speech and dictionary form. The one
 * home of wink-nlp (English, offline, deterministic). Its model is read at the first use: about 0.3 s and 30 MB.
 */
import { createRequire } from 'node:module';
import { setImmediate as breathe } from 'node:timers/promises';
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

/**
 * A concept where it stands in a text, for taking another word's place. Offsets are UTF-16 indices. `inflection` and `frame` say which form
 * of a word fits there and what words stand around it; what no other word can stand for has the inflection 'fixed'.
 */
export type PlacedConcept = Concept & {
  start: number;
  end: number;
  /** Nouns: 'singular', 'plural'; verbs: 'base', 's', 'ing', 'ed'; numbers: 'word', 'digit'; others: 'plain'. */
  inflection: string;
  /** Singular nouns: 'a', 'the', 'bare'; verbs: 'be', 'object', 'place', 'alone'; "to the left": 'the'; others: ''. */
  frame: string;
  /** The noun that it stands before: "circle" of "a red circle"; empty without one. */
  noun: string;
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

/**
 * Loads the library ahead, in three steps with other work in between: in one go, as at its first use otherwise, the host would stand still
 * for more than a tenth of a second.
 */
export async function loadReader(): Promise<void> {
  const load = createRequire(import.meta.url);
  const parts = ['wink-nlp', 'wink-eng-lite-web-model'];
  for (const step of [...parts.map((part) => (): unknown => load(part)), reader]) {
    await breathe();
    if (nlp === null) step();
  }
}

let nlp: ReturnType<typeof winkNLP> | null = null;

function reader(): ReturnType<typeof winkNLP> {
  // Not a static import: most runs of the program judge nothing, and need not pay for the model.
  const load = createRequire(import.meta.url);
  nlp ??= (load('wink-nlp') as typeof winkNLP)(load('wink-eng-lite-web-model') as Model, ['sbd', 'pos']);
  return nlp;
}

type Word = { text: string; pos: string; lemma: string; start: number };

/** The clauses of a text, without those that name nothing. */
export function clausesOf(text: string): Clause[] {
  return clausesOfWords(text)
    .map((clause) => ({
      concepts: clause.flatMap((word, i) => conceptOf(word, clause[i - 1]) ?? []),
      denies: clause.some(({ text: word }) => denies(word)),
    }))
    .filter(({ concepts }) => concepts.length > 0);
}

/** The concepts of a text in their places, without those of clauses that deny. */
export function placedConcepts(text: string): PlacedConcept[] {
  return clausesOfWords(text)
    .filter((clause) => !clause.some((word) => denies(word.text)))
    .flatMap((clause) =>
      clause.flatMap((word, i): PlacedConcept[] => {
        const concept = conceptOf(word, clause[i - 1]);
        if (concept === null || word.start < 0) return [];
        const next = clause[i + 1];
        const noun = concept.pos !== 'noun' && next?.pos === 'NOUN' ? next.text.toLowerCase() : '';
        const place = { start: word.start, end: word.start + word.text.length, noun };
        return [
          {
            ...concept,
            ...place,
            inflection: inflectionOf(concept, clause, i),
            frame: frameOf(concept, clause, i),
          },
        ];
      }),
    );
}

function inflectionOf({ pos }: Concept, clause: readonly Word[], i: number): string {
  const { text, lemma, pos: tag } = clause[i];
  const surface = text.toLowerCase();
  const plain = surface === lemma.toLowerCase();
  switch (pos) {
    case 'noun':
      // A name, and a part of "traffic light", stand for nothing alone.
      if (tag === 'PROPN' || leads(clause[i - 1]) || (plain && clause[i + 1]?.pos === 'NOUN')) return 'fixed';
      return plain ? 'singular' : 'plural';
    case 'verb':
      if (plain) return 'base';
      return /(?:ing|ed|s)$/.exec(surface)?.[0] ?? 'fixed';
    case 'number':
      return /^\d/.test(surface) ? 'digit' : 'word';
    case 'adjective':
    case 'adverb':
      return plain ? 'plain' : 'fixed';
    case 'preposition':
      return 'plain';
    default:
      return pos satisfies never;
  }
}

/** A noun in the singular before another noun belongs to it. */
const leads = (word: Word | undefined): boolean =>
  word?.pos === 'NOUN' && word.text.toLowerCase() === word.lemma.toLowerCase();

function frameOf({ pos }: Concept, clause: readonly Word[], i: number): string {
  const before = clause[i - 1];
  const after = clause[i + 1]?.pos ?? 'PUNCT';
  if (pos === 'preposition') return before?.pos === 'DET' ? 'the' : '';
  if (pos === 'verb') {
    if (before?.pos === 'AUX' && before.lemma === 'be') return 'be';
    if (/^(?:DET|NOUN|PROPN|PRON|ADJ|NUM)$/.test(after)) return 'object';
    return /^(?:ADP|PART|ADV)$/.test(after) ? 'place' : 'alone';
  }
  if (pos !== 'noun') return '';
  let k = i - 1;
  while (k >= 0 && /^(?:ADJ|NUM|VERB|ADV)$/.test(clause[k].pos)) k--;
  const word = clause[k]?.pos === 'DET' ? clause[k].text.toLowerCase() : '';
  if (word === '') return 'bare';
  return word === 'a' || word === 'an' ? 'a' : 'the';
}

function clausesOfWords(text: string): Word[][] {
  const wink = reader();
  const tokens = wink.readDoc(text).tokens();
  const texts = tokens.out();
  // The library takes its own functions as names of what is wanted; their typings miss what `out` hands them.
  /* eslint-disable @typescript-eslint/unbound-method */
  const parts = tokens.out(wink.its.pos) as string[];
  const lemmas = tokens.out<string>(wink.its.lemma as typeof wink.its.normal);
  /* eslint-enable */
  let at = 0;
  const words = texts.map((word, i): Word => {
    // The library drops white space only, so each word is found again; where one is not, its place is of no use, and neither is it.
    const start = text.indexOf(word, at);
    if (start >= 0) at = start + word.length;
    return { text: word, pos: parts[i], lemma: lemmas[i], start };
  });
  return cut(withVerbs(words.map(asShape)));
}

const denies = (word: string): boolean => NEGATIONS.has(word.toLowerCase()) || /^n['’]t$/i.test(word);

/** "A red square moves": the tagger knows the square as an adjective only, and what it does as a noun. */
function asShape(word: Word, i: number, words: readonly Word[]): Word {
  if (word.pos !== 'ADJ' || word.text.toLowerCase() !== 'square') return word;
  const after = words[i + 1];
  const stands = after === undefined || !/^(?:ADJ|NOUN)$/.test(after.pos) || after.text.endsWith('s');
  return stands ? { ...word, pos: 'NOUN' } : word;
}

/** "A dog chases a cat": the tagger takes many a third person for a plural. Where a clause has no verb yet, it is the verb. */
function withVerbs(words: readonly Word[]): Word[] {
  let hasVerb = false;
  return words.map((word, i) => {
    if (word.pos === 'PUNCT' || word.pos === 'CCONJ') hasVerb = false;
    if (word.pos === 'VERB' || word.pos === 'AUX') hasVerb = true;
    const before = words[i - 1]?.pos ?? '';
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
