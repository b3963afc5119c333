/** @file Agreement on marks: F1 and kappa against numbers worked out by hand, what is compared, and the figures over a project. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Phrase, Review } from '../contract/schemas.ts';
import { codePointLength, sliceCodePoints } from '../contract/text.ts';
import type { OpenProject } from '../project/project.ts';
import {
  agreementOfPair,
  agreementRows,
  AgreementSummary,
  compareMarks,
  cutWords,
  f1Of,
  kappaOf,
} from './agreement.ts';
import { temporaryProject } from '../project/testing.ts';
import { seedPair } from './testing.ts';

let project: OpenProject;
let dispose: () => void;
beforeEach(async () => {
  ({ project, dispose } = await temporaryProject());
});
afterEach(() => dispose());

const CHOSEN = 'The red circle moves to the left.'; // 8 tokens: seven words and the full stop
const REJECTED = 'The red circle moves to the right.';

/** Phrases from the words they cover, as [chosen, rejected]. */
function marks(chosen: string, rejected: string, ...words: [string | null, string | null][]): Phrase[] {
  const span = (text: string, quote: string | null): Phrase['chosen'] => {
    if (quote === null) return null;
    const start = codePointLength(text.slice(0, text.indexOf(quote)));
    return { start, end: start + codePointLength(quote), quote };
  };
  return words.map(([a, b], i) => ({
    id: `p${i}`,
    number: i + 1,
    chosen: span(chosen, a),
    rejected: span(rejected, b),
    origin: 'person',
  }));
}
const version = (
  ...words: [string | null, string | null][]
): Pick<Review, 'chosen' | 'rejected' | 'phrases'> => ({
  chosen: CHOSEN,
  rejected: REJECTED,
  phrases: marks(CHOSEN, REJECTED, ...words),
});

test('words and punctuation marks are tokens, in code points', () => {
  const text = 'Zwei 🦢, 左边 (a).';
  expect(
    cutWords(text)
      .map(({ start, end }) => sliceCodePoints(text, start, end))
      .join('|'),
  ).toMatch(/^Zwei\|🦢\|,\|左边?\|?边?\|\(\|a\|\)\|\.$/u);
});

test('counts, F1 and kappa by hand', () => {
  // A marks "the left" and "the right" (2 + 2 tokens), B "left" and "right" (1 + 1), of 8 + 8 tokens.
  const counts = compareMarks(version(['the left', 'the right']), version(['left', 'right']), cutWords);
  expect(counts).toEqual({ both: 2, onlyA: 2, onlyB: 0, neither: 12, compared: 2, differentText: 0 });
  // F1 = 2*2 / (2*2 + 2 + 0) = 2/3
  expect(f1Of(counts)).toBeCloseTo(2 / 3, 12);
  // po = 14/16; A marks 4/16, B 2/16: pe = 1/4*1/8 + 3/4*7/8 = 22/32; kappa = (28/32 - 22/32) / (10/32) = 0.6
  expect(kappaOf(counts)).toBeCloseTo(0.6, 12);
});

test('equal marks agree wholly, disjoint ones are worse than chance, and no marks say nothing', () => {
  const same = compareMarks(version(['left', 'right']), version(['left', 'right']), cutWords);
  expect([f1Of(same), kappaOf(same)]).toEqual([1, 1]);
  const apart = compareMarks(version(['left', null]), version(['red', null]), cutWords);
  expect(apart).toMatchObject({ both: 0, onlyA: 1, onlyB: 1, neither: 14 });
  expect(f1Of(apart)).toBe(0);
  // po = 14/16, pe = (1/16)^2 + (15/16)^2 = 226/256: kappa = (224 - 226) / (256 - 226)
  expect(kappaOf(apart)).toBeCloseTo(-2 / 30, 12);
  const none = compareMarks(version(), version(), cutWords);
  expect([f1Of(none), kappaOf(none)]).toEqual([null, null]);
});

test('a side whose text differs is counted and not compared', () => {
  const other = { ...version(['left', null]), rejected: 'It stays.' };
  expect(compareMarks(version(['left', 'right']), other, cutWords)).toEqual({
    both: 1,
    onlyA: 0,
    onlyB: 0,
    neither: 7,
    compared: 1,
    differentText: 1,
  });
});

test('only decided versions count, and marks only where nobody rejected the pair', () => {
  const review = (reviewer: string, status: Review['status']): Review => ({
    ...version(['left', 'right']),
    reviewer,
    status,
    at: 0,
  });
  const names = (reviews: Review[]): string[] =>
    agreementOfPair(reviews, cutWords).map(({ a, b, marks: m }) => `${a.reviewer} ${b.reviewer} ${m?.f1}`);
  expect(names([review('Cy', 'accepted'), review('Ada', 'second_look'), review('Ben', 'pending')])).toEqual([
    'Ada Cy 1',
  ]);
  expect(names([review('Ada', 'accepted'), review('Ben', 'rejected')])).toEqual(['Ada Ben undefined']);
});

test('over the project: counts are added up, other decisions and the least agreement come first', async () => {
  const ids = ['a', 'b', 'c'].map((name) => seedPair(project, { video: `${name}.mp4`, question: name }));
  const { pairs } = ids[0];
  const save = (id: string, phrases: Phrase[]): void => {
    const pair = pairs.get(id);
    pairs.save({ pairId: id, baseVersion: pair.version, chosen: CHOSEN, rejected: REJECTED, phrases });
  };
  await project.setReviewer('Ada');
  for (const { pairId } of ids) {
    save(pairId, marks(CHOSEN, REJECTED, ['the left', 'the right']));
    pairs.setStatus([pairId], 'accepted');
  }
  await project.setReviewer('Ben');
  save(ids[0].pairId, marks(CHOSEN, REJECTED, ['left', 'right']));
  pairs.setStatus([ids[0].pairId], 'accepted'); // as it was: a decision all the same
  pairs.setStatus([ids[1].pairId], 'accepted');
  pairs.setStatus([ids[2].pairId], 'rejected');
  const summary = new AgreementSummary();
  for await (const row of agreementRows(project, cutWords)) summary.add(row);
  const { reviewers, worst } = summary.result('words');
  expect(reviewers).toHaveLength(1);
  // The first pair: 2 both, 2 only Ada, 12 neither; the second: 4 both, 12 neither. F1 = 12 / (12 + 2)
  expect(reviewers[0]).toMatchObject({ a: 'Ada', b: 'Ben', pairs: 3, sameDecision: 2, rejectedByOne: 1 });
  expect(reviewers[0].marks).toMatchObject({ both: 6, onlyA: 2, onlyB: 0, neither: 24, compared: 4 });
  expect(reviewers[0].marks.f1).toBeCloseTo(12 / 14, 12);
  expect(worst.map((row) => row.question)).toEqual(['c', 'a']);
});
