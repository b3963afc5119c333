/**
 * @file Which concepts appear together in the preferred answers of a project, and how much more often than by chance. What is counted
 * is samples: a concept counts once in each sample whose answer (or open question) names it.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { QuestionType } from '../contract/schemas.ts';
import { placedConcepts } from './concepts.ts';
import type { PlacedConcept } from './concepts.ts';

/** One concept of one sample: `[key, inflection/frame, the word as it stands, 1 when the answer names it]`. */
export type SampleConcept = readonly [key: string, form: string, surface: string, inAnswer: 0 | 1];

/** What a concept is known by here: its part of speech and dictionary form. */
export const conceptKey = ({ pos, lemma }: Pick<PlacedConcept, 'pos' | 'lemma'>): string => `${pos}:${lemma}`;
export const formOf = ({ inflection, frame }: PlacedConcept): string => `${inflection}/${frame}`;

/** The word of a key. */
export const lemmaOf = (key: string): string => key.slice(key.indexOf(':') + 1);
/** The part of speech of a key. */
export const posOf = (key: string): string => key.slice(0, key.indexOf(':'));

/** Words that ask, and name nothing in the clip; normal forms. */
const ASKING = new Set(
  'how many much way kind type color number time direction name describe explain tell happen say question answer'.split(
    ' ',
  ),
);

/**
 * The concepts of a sample. Questions with options, and those that ask whether something is so, name things that need not be
 * there: of them the answer alone is taken.
 */
export function conceptsOfSample(sample: {
  type: QuestionType;
  question: string;
  chosen: string;
}): SampleConcept[] {
  const of = (text: string, inAnswer: 0 | 1): SampleConcept[] =>
    placedConcepts(text)
      // A single letter is that of an option.
      .filter(({ lemma }) => !/^\p{L}$/u.test(lemma) && (inAnswer || !ASKING.has(lemma)))
      .map((concept) => [conceptKey(concept), formOf(concept), concept.text.toLowerCase(), inAnswer]);
  const states = sample.type === 'short' || sample.type === 'open_ended';
  return [...of(sample.chosen, 1), ...(states ? of(sample.question, 0) : [])];
}

/** Two concepts that appear together. */
export type CoOccurrence = {
  a: string;
  b: string;
  /** Samples that name both, a, and b. */
  together: number;
  countA: number;
  countB: number;
  /** How many times as often as two unrelated concepts would. */
  lift: number;
};

/** Most concepts that are counted in pairs, the frequent ones first: 8 MB of counts. */
const VOCABULARY = 2048;
/** Fewer samples together than this say nothing. */
const LEAST_TOGETHER = 3;
/** Partners that are kept of each concept, the strongest. */
const PARTNERS = 128;
/** Samples between two breaths: some milliseconds. */
const STEP = 500;

/** What concepts a project names, and which of them together. Memory is bounded by {@link VOCABULARY}, but for the words themselves. */
export class ConceptStatistics {
  /** Samples that were counted. */
  readonly samples: number;
  /** Keys of the concepts that are counted in pairs, the most frequent first. */
  readonly concepts: readonly string[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #counts: readonly number[];
  /** Together, by {@link cell}. */
  readonly #pairs: Uint32Array;
  /** Of each concept: form -> the word that is most frequent in it. */
  readonly #forms: readonly ReadonlyMap<string, string>[];
  readonly #partners: (readonly CoOccurrence[] | undefined)[] = [];

  private constructor(
    samples: number,
    concepts: readonly string[],
    counts: readonly number[],
    pairs: Uint32Array,
    forms: readonly ReadonlyMap<string, string>[],
  ) {
    this.samples = samples;
    this.concepts = concepts;
    this.#counts = counts;
    this.#pairs = pairs;
    this.#forms = forms;
    this.#index = new Map(concepts.map((key, i) => [key, i]));
  }

  /** Goes through the samples twice: for the vocabulary, and for what appears together. Other work gets its turn in between. */
  static async count(
    samples: () => Iterable<readonly SampleConcept[]>,
    onStep: (counted: number) => void = () => undefined,
  ): Promise<ConceptStatistics> {
    let steps = 0;
    const each = async (work: (sample: readonly SampleConcept[]) => void): Promise<void> => {
      for (const sample of samples()) {
        work(sample);
        if (++steps % STEP !== 0) continue;
        onStep(steps);
        await breathe();
      }
    };
    const frequency = new Map<string, number>();
    let total = 0;
    await each((sample) => {
      total++;
      for (const key of new Set(sample.map(([name]) => name)))
        frequency.set(key, (frequency.get(key) ?? 0) + 1);
    });
    const concepts = [...frequency]
      .filter(([, n]) => n >= LEAST_TOGETHER)
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .slice(0, VOCABULARY)
      .map(([key]) => key);
    const index = new Map(concepts.map((key, i) => [key, i]));
    const pairs = new Uint32Array((concepts.length * (concepts.length + 1)) / 2);
    const words = concepts.map(() => new Map<string, Map<string, number>>());
    await each((sample) => {
      const here = new Set<number>();
      for (const [key, form, surface] of sample) {
        const i = index.get(key);
        if (i === undefined) continue;
        here.add(i);
        const surfaces = words[i].get(form) ?? new Map<string, number>();
        words[i].set(form, surfaces.set(surface, (surfaces.get(surface) ?? 0) + 1));
      }
      const ids = [...here];
      ids.forEach((a, k) => {
        for (const b of ids.slice(k + 1)) pairs[cell(a, b)]++;
      });
    });
    const most = (surfaces: ReadonlyMap<string, number>): string =>
      [...surfaces].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0][0];
    return new ConceptStatistics(
      total,
      concepts,
      concepts.map((key) => frequency.get(key)!),
      pairs,
      words.map((forms) => new Map([...forms].map(([form, surfaces]) => [form, most(surfaces)]))),
    );
  }

  /** Samples that name the concept; 0 for one that is not counted in pairs. */
  frequency(key: string): number {
    const i = this.#index.get(key);
    return i === undefined ? 0 : this.#counts[i];
  }

  /** The forms in which the concept stands: `inflection/frame` -> its word. */
  forms(key: string): ReadonlyMap<string, string> {
    const i = this.#index.get(key);
    return i === undefined ? new Map<string, string>() : this.#forms[i];
  }

  /** How often two concepts appear together; null below {@link LEAST_TOGETHER} samples. */
  between(a: string, b: string): CoOccurrence | null {
    const i = this.#index.get(a);
    const k = this.#index.get(b);
    return i === undefined || k === undefined || i === k ? null : this.#between(i, k);
  }

  #between(i: number, k: number): CoOccurrence | null {
    const together = this.#pairs[cell(i, k)];
    if (together < LEAST_TOGETHER) return null;
    const [countA, countB] = [this.#counts[i], this.#counts[k]];
    const lift = (together * this.samples) / (countA * countB);
    return { a: this.concepts[i], b: this.concepts[k], together, countA, countB, lift };
  }

  /** What appears with `key` more often than by chance, as `b`, the strongest first. */
  partners(key: string): readonly CoOccurrence[] {
    const i = this.#index.get(key);
    if (i === undefined) return [];
    this.#partners[i] ??= this.concepts
      .flatMap((_, k) => (k === i ? [] : (this.#between(i, k) ?? [])))
      .filter(({ lift }) => lift > 1)
      .sort(strongest)
      .slice(0, PARTNERS);
    return this.#partners[i];
  }

  /** The strongest co-occurrences of the project. */
  strongest(limit: number): CoOccurrence[] {
    const top: CoOccurrence[] = [];
    // Two million places: only what comes among the first is looked at more closely.
    let least = 0;
    for (let i = 0; i < this.concepts.length; i++)
      for (let k = i + 1; k < this.concepts.length; k++) {
        const together = this.#pairs[cell(i, k)];
        if (together < LEAST_TOGETHER) continue;
        const lift = (together * this.samples) / (this.#counts[i] * this.#counts[k]);
        if (lift <= 1 || (top.length >= limit && together * Math.log(lift) < least)) continue;
        top.push(this.#between(i, k)!);
        if (top.length < 2 * limit) continue;
        top.sort(strongest).splice(limit);
        least = weightOf(top[limit - 1]);
      }
    return top.sort(strongest).slice(0, limit);
  }
}

/** Place of a pair of concepts in the triangle of counts. */
function cell(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  return (high * (high + 1)) / 2 + low;
}

/** How much two concepts say about each other: their share in the mutual information, so neither rare nor common ones alone come first. */
export const weightOf = ({ together, lift }: CoOccurrence): number => together * Math.log(lift);

const strongest = (x: CoOccurrence, y: CoOccurrence): number =>
  weightOf(y) - weightOf(x) || (x.a + x.b < y.a + y.b ? -1 : 1);
