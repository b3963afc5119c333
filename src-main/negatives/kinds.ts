/**
 * @file Words that exclude each other: who says "blue" of something that is red says something else, however alike the rest is. And
 * words that say the same in answers about video. Normal forms (`normalize.ts`); data, to be read.
 */

/** Of each row an answer can mean only one. */
const KINDS: readonly (readonly string[])[] = [
  'red blue green yellow orange purple pink brown black white gray cyan magenta',
  'left right up down forward backward clockwise counterclockwise still',
  'circle square triangle rectangle star hexagon diamond ellipse cube sphere cylinder',
  'first last second third before after',
  'appear disappear',
  'stay move',
].map((row) => row.split(' '));

/** The same for words that short answers may well name together, but one and the same thing in a sentence is not both. */
const SENTENCE_KINDS: readonly (readonly string[])[] = [
  'open close',
  'push pull',
  'enter exit leave',
  'start stop',
  'sit stand lie kneel',
  'rise fall',
  'win lose',
  'laugh cry',
  'man woman',
  'boy girl',
  'big small',
  'fast slow',
  'day night',
  'old young',
  'hot cold',
  'happy sad angry',
  'full empty',
  'on under above behind',
  'inside outside',
  'toward away',
  'into out',
].map((row) => row.split(' '));

const index = (rows: readonly (readonly string[])[], offset = 0): [string, number][] =>
  rows.flatMap((row, k) => row.map((word): [string, number] => [word, k + offset]));
const KIND_OF = new Map(index(KINDS));
const SENTENCE_KIND_OF = new Map([...KIND_OF, ...index(SENTENCE_KINDS, KINDS.length)]);

/** 'n' for numbers, the row of {@link KINDS}, undefined for any other word. */
export function kindOf(word: string): number | 'n' | undefined {
  return /^\d/.test(word) ? 'n' : KIND_OF.get(word);
}

/** As {@link kindOf}, with the words that exclude each other only within one clause. */
export function sentenceKindOf(word: string): number | 'n' | undefined {
  return /^\d/.test(word) ? 'n' : SENTENCE_KIND_OF.get(word);
}

/** Words for the same in captions; the first stands for all. Only for open-ended answers: elsewhere the user's own list counts. */
const ALIKE = [
  'cut chop slice dice',
  'hold carry',
  'talk speak chat',
  'look watch stare gaze',
  'jump leap hop',
  'shut close',
  'begin start commence',
  'end finish',
  'put place set',
  'throw toss',
  'pick grab take',
  'walk stroll',
  'shout yell scream',
  'smile grin',
  'fix repair mend',
  'cook prepare make',
  'small little tiny',
  'big large huge',
  'fast quick quickly rapidly rapid',
  'slow slowly',
  'loud loudly',
  'street road',
  'ocean sea',
  'stone rock',
  'food meal',
  'veggie vegetable',
  'crowd audience spectator',
  'infant baby',
  'next beside near alongside',
  'toward to',
  'onto on',
  'inside in',
].map((row) => row.split(' '));
const ALIKE_OF = new Map(ALIKE.flatMap((row) => row.map((word): [string, string] => [word, row[0]])));

/** The word that stands for all that say the same. */
export function alike(word: string): string {
  return ALIKE_OF.get(word) ?? word;
}

/** A general word, and what it is said of as well: "a person" for a woman is no contradiction. */
const GENERAL: Readonly<Record<string, readonly string[]>> = {
  person: 'man woman boy girl child baby player chef teacher worker'.split(' '),
  someone: 'man woman boy girl child person'.split(' '),
  child: 'boy girl baby toddler'.split(' '),
  animal: 'dog cat horse bird cow sheep elephant monkey'.split(' '),
  vehicle: 'car truck bus van'.split(' '),
};

/** True when one word is the other, or the general word for it. */
export function sameConcept(a: string, b: string): boolean {
  const covers = (general: string, word: string): boolean =>
    Object.hasOwn(GENERAL, general) && GENERAL[general].includes(word);
  return a === b || covers(a, b) || covers(b, a);
}
