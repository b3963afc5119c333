/** @file The yield as CSV: one line a recipe, fields with commas and quotes kept whole. */
import { expect, test } from 'vitest';
import { yieldCsv } from './yield-columns.ts';

test('one line a recipe, its steps where it has no name', () => {
  const counts = {
    asked: 8,
    wrong: 5,
    right: 2,
    unparseable: 1,
    pairs: 4,
    accepted: 3,
    rejected: 0,
    open: 1,
  };
  const share = { value: 0.375, low: 0.1368, high: 0.69424, n: 8 };
  const csv = yieldCsv({
    recipes: [
      { key: 'blank', name: 'Blank, "all"', steps: null, family: 'language-prior', ...counts, share },
      { key: '[]', name: 'Clean clip', steps: [], family: null, ...counts, share },
    ],
    families: [],
  });
  expect(csv.split('\n')).toEqual([
    'recipe,family,asked,wrong,right,unparseable,pairs,accepted,rejected,open,share,share_low,share_high',
    '"Blank, ""all""",language-prior,8,5,2,1,4,3,0,1,0.3750,0.1368,0.6942',
    '[],,8,5,2,1,4,3,0,1,0.3750,0.1368,0.6942',
    '',
  ]);
});
