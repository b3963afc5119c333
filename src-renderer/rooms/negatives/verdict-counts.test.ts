/** @file Counts of a generation job, wherever they stand. */
import { describe, expect, it } from 'vitest';
import { skippedWhy, verdictCounts } from './verdict-counts.ts';

describe('verdictCounts', () => {
  it('reads counts at the top or one level down, known ones first', () => {
    expect(verdictCounts({ right: 2, odd: 1, wrong: 5 }).map((c) => [c.word, c.value])).toEqual([
      ['wrong', 5],
      ['right', 2],
      ['odd', 1],
    ]);
    expect(verdictCounts({ verdicts: { unparseable: 3 }, pairs: 9 }).map((c) => c.word)).toEqual([
      'unreadable',
    ]);
  });
  it('warns of what there is, not of what there is not', () => {
    const none = { wrong: 0, right: 4, unparseable: 0, pairs: 0, skipped: 0 };
    expect(verdictCounts(none).map((c) => c.word)).toEqual(['wrong', 'right', 'new pairs']);
    expect(verdictCounts({ ...none, skipped: 1 }).map((c) => c.word)).toContain('skipped');
  });
  it('has nothing to say about nothing', () => {
    expect(verdictCounts(undefined)).toEqual([]);
    expect(verdictCounts('done')).toEqual([]);
  });
});

it('reads why questions were left out, and nothing from other results', () => {
  const why = [{ reason: 'a.mp4 is missing', samples: 3 }];
  expect(skippedWhy({ skippedWhy: why })).toEqual(why);
  for (const other of [undefined, null, 'done', {}, { skippedWhy: [null, { reason: 1 }] }])
    expect(skippedWhy(other)).toEqual([]);
});
