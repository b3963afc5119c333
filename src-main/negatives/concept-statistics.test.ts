/** @file Counts, lift and order of co-occurrences on a corpus small enough to count by hand; what is read of which question. */
import { expect, test } from 'vitest';
import { conceptsOfSample, ConceptStatistics, weightOf, type SampleConcept } from './concept-statistics.ts';

const doc = (...keys: string[]): SampleConcept[] => keys.map((key) => [key, 'plain/', key, 1]);

test('samples together, and how much more often than by chance, counted by hand', async () => {
  // 12 samples: dog 6, ball 6, both 4; cat 3, always without ball; sky 2, too few to count.
  const corpus = [
    ...Array.from({ length: 4 }, () => doc('dog', 'ball', 'dog')),
    ...Array.from({ length: 2 }, () => doc('dog', 'sky')),
    ...Array.from({ length: 2 }, () => doc('ball')),
    ...Array.from({ length: 3 }, () => doc('cat', 'mat')),
    doc('mat'),
  ];
  let passes = 0;
  const statistics = await ConceptStatistics.count(() => {
    passes++;
    return corpus;
  });
  expect(passes).toBe(2);
  expect(statistics.samples).toBe(12);
  expect(statistics.concepts).toEqual(['ball', 'dog', 'mat', 'cat']);
  expect(statistics.frequency('dog')).toBe(6);
  expect(statistics.frequency('sky')).toBe(0);
  // 4 * 12 / (6 * 6), and 3 * 12 / (3 * 4).
  expect(statistics.between('dog', 'ball')).toMatchObject({ together: 4, countA: 6, countB: 6, lift: 4 / 3 });
  expect(statistics.between('cat', 'mat')!.lift).toBeCloseTo(3, 12);
  expect(statistics.between('dog', 'cat')).toBeNull();
  expect(statistics.between('dog', 'sky')).toBeNull();
  const strongest = statistics.strongest(10);
  expect(strongest.map(({ a, b }) => [a, b])).toEqual([
    ['mat', 'cat'],
    ['ball', 'dog'],
  ]);
  expect(weightOf(strongest[0])).toBeCloseTo(3 * Math.log(3), 12);
  expect(statistics.partners('dog')).toEqual([
    { a: 'dog', b: 'ball', together: 4, countA: 6, countB: 6, lift: 4 / 3 },
  ]);
});

test('the first of many are the same as of all in order', async () => {
  // Concept n appears with n + 1 in n + 3 samples.
  const corpus = Array.from({ length: 40 }, (_, n) =>
    Array.from({ length: n + 3 }, () => doc(`c${n}`, `c${n + 1}`)),
  ).flat();
  const statistics = await ConceptStatistics.count(() => corpus);
  const all = statistics.strongest(1000);
  expect(all).toHaveLength(40);
  const weights = all.map(weightOf);
  expect(weights).toEqual(weights.toSorted((a, b) => b - a));
  for (const limit of [1, 2, 7, 40]) expect(statistics.strongest(limit)).toEqual(all.slice(0, limit));
});

test('what appears together as often as by chance or less is no partner', async () => {
  const corpus = [
    ...Array.from({ length: 3 }, () => doc('a', 'b')),
    ...Array.from({ length: 3 }, () => doc('a')),
    ...Array.from({ length: 3 }, () => doc('b')),
    ...Array.from({ length: 3 }, () => doc('c')),
  ];
  const statistics = await ConceptStatistics.count(() => corpus);
  expect(statistics.between('a', 'b')!.lift).toBe(1);
  expect(statistics.strongest(10)).toEqual([]);
});

test('the answer counts, and the question where it says what is there', () => {
  const keys = (type: Parameters<typeof conceptsOfSample>[0]['type'], question: string, chosen: string) =>
    conceptsOfSample({ type, question, chosen }).map(
      ([key, form, , inAnswer]) => `${key} ${form} ${inAnswer}`,
    );
  expect(keys('short', 'What color is the ball?', 'red')).toEqual([
    'adjective:red plain/ 1',
    'noun:ball singular/the 0',
  ]);
  expect(keys('multiple_choice', 'What is it?\n(A) a dog\n(B) a cat', '(B) a cat')).toEqual([
    'noun:cat singular/a 1',
  ]);
  expect(keys('yes_no', 'Is there a dog?', 'No')).toEqual([]);
  expect(keys('open_ended', 'Describe the video.', 'Two men watch a dog. There is no ball.')).toEqual([
    'number:2 word/ 1',
    'noun:man plural/bare 1',
    'verb:watch base/object 1',
    'noun:dog singular/a 1',
  ]);
});
