/**
 * @file Answers brought to a common form before they are compared: letter case, punctuation, articles, number words, plurals and
 * a few spellings. English only; other languages are compared word by word.
 */

const UNITS = [
  'zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve', 'thirteen',
  'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen',
]; // prettier-ignore
const TENS = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
const NUMBER = new Map<string, number>([
  ...UNITS.map((word, value): [string, number] => [word, value]),
  ...TENS.map((word, i): [string, number] => [word, 20 + 10 * i]),
]);

const ARTICLES = new Set(['a', 'an', 'the']);

/** Different words for the same thing that answers about video often mix. Looked up before and after plurals are removed. */
const SAME: Readonly<Record<string, string>> = {
  upward: 'up',
  upwards: 'up',
  downward: 'down',
  downwards: 'down',
  leftward: 'left',
  leftwards: 'left',
  rightward: 'right',
  rightwards: 'right',
  grey: 'gray',
  couch: 'sofa',
  bicycle: 'bike',
  automobile: 'car',
  tv: 'television',
  kid: 'child',
  lady: 'woman',
  guy: 'man',
  photo: 'picture',
  motorbike: 'motorcycle',
  beneath: 'under',
  below: 'under',
  towards: 'toward',
  colour: 'color',
  centre: 'center',
  vanish: 'disappear',
  go: 'move',
  goes: 'move',
  moving: 'move',
  travel: 'move',
  remain: 'stay',
  staying: 'stay',
  appearing: 'appear',
  disappearing: 'disappear',
  once: '1 time',
  twice: '2 time',
};

const same = (word: string): string => (Object.hasOwn(SAME, word) ? SAME[word] : word);

/** Words in -s that are not plurals or third persons. */
const NOT_PLURAL = new Set([
  'is',
  'was',
  'has',
  'does',
  'this',
  'its',
  'his',
  'us',
  'as',
  'yes',
  'bus',
  'gas',
  'always',
  'perhaps',
  'across',
  'towards',
]);

/** Words with irregular plurals that occur in answers about video. */
const IRREGULAR: Readonly<Record<string, string>> = {
  people: 'person',
  men: 'man',
  women: 'woman',
  children: 'child',
  feet: 'foot',
  geese: 'goose',
  mice: 'mouse',
  leaves: 'leaf',
  knives: 'knife',
};

const IRREGULAR_PLURAL = new Map(Object.entries(IRREGULAR).map(([plural, word]) => [word, plural]));

/** Plural of a noun. Regular verbs have the same endings in the third person, and no irregular ones are among these nouns. */
export function pluralOf(word: string): string {
  const irregular = IRREGULAR_PLURAL.get(word);
  if (irregular !== undefined) return irregular;
  if (/(?:s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

/** Singular of a plural noun, stem of a third-person verb: "balls" -> "ball", "moves" -> "move", "boxes" -> "box". */
function singular(word: string): string {
  const irregular = Object.hasOwn(IRREGULAR, word) ? IRREGULAR[word] : undefined;
  if (irregular !== undefined) return irregular;
  if (
    word.length < 4 ||
    !word.endsWith('s') ||
    word.endsWith('ss') ||
    word.endsWith("'s") ||
    NOT_PLURAL.has(word)
  )
    return word;
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ch|sh|x|z|ss)es$/.test(word)) return word.slice(0, -2);
  return word.slice(0, -1);
}

/** Lower-case words of a text in order: letters and digits of any script, with inner apostrophes and decimal points. */
export function words(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll('ς', 'σ') // one letter, written so at the end of a word
      .replaceAll('’', "'")
      .match(/\d+(?:[.,]\d+)*|[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*/gu) ?? []
  );
}

/** The words of a text in common form: no articles, numbers as digits, singular, one spelling. */
export function normalWords(text: string): string[] {
  const out: string[] = [];
  const input = words(text).flatMap((word) => same(word).split(' '));
  for (let i = 0; i < input.length; i++) {
    const word = input[i];
    if (ARTICLES.has(word)) continue;
    const value = NUMBER.get(word);
    if (value === undefined) {
      out.push(/^\d/.test(word) ? String(Number(word.replaceAll(',', ''))) : same(singular(word)));
      continue;
    }
    // "twenty-one" and "twenty one" are one number.
    const next = NUMBER.get(input[i + 1] ?? '');
    if (value >= 20 && next !== undefined && next >= 1 && next <= 9) {
      out.push(String(value + next));
      i++;
    } else out.push(String(value));
  }
  return out;
}

/**
 * What the forms of one word have in common: "rides", "riding" and "ride" give "rid", "grey" and "gray" the same. Only to be compared
 * with other stems; a word that is nothing but an article or a number stands for itself.
 */
export function stemOf(word: string): string {
  const normal = normalText(word) || word;
  const cut = /^(.*[aeiouy].*?)(?:ing|ed)$/.exec(normal)?.[1] ?? normal;
  const base = cut.length >= 3 ? cut : normal;
  // "sitting" -> "sitt" -> "sit", "ride" -> "rid".
  return base.length > 3 ? base.replace(/([bdgklmnprt])\1$/, '$1').replace(/e$/, '') : base;
}

/** {@link normalWords} as one string, for equality. */
export function normalText(text: string): string {
  return normalWords(text).join(' ');
}

/** Index where `part` begins as a contiguous run in `whole`, or -1. */
export function findRun(whole: readonly string[], part: readonly string[]): number {
  if (part.length === 0) return -1;
  for (let i = 0; i + part.length <= whole.length; i++)
    if (part.every((word, k) => whole[i + k] === word)) return i;
  return -1;
}

export const NEGATIONS = new Set([
  'not',
  'no',
  'never',
  'none',
  'neither',
  'nor',
  'without',
  'nothing',
  'nobody',
  'cannot',
]);

/** True when a normalised text denies something. */
export function negates(normal: readonly string[]): boolean {
  return normal.some((word) => NEGATIONS.has(word) || word.endsWith("n't"));
}
