/** @file Metric rows: appended, replaced after a resume, read by column. */
import { describe, expect, it } from 'vitest';
import { CHARTS, column, mergeMetrics } from './charts.ts';

const row = (step: number, loss: number) => ({ step, values: { loss } });

describe('mergeMetrics', () => {
  it('appends new steps and replaces repeated ones in order', () => {
    expect(mergeMetrics([row(1, 1), row(2, 2)], [row(3, 3)]).map((r) => r.step)).toEqual([1, 2, 3]);
    const resumed = mergeMetrics([row(1, 1), row(2, 2), row(3, 3)], [row(2, 20), row(4, 40)]);
    expect(resumed.map((r) => [r.step, r.values.loss])).toEqual([
      [1, 1],
      [2, 20],
      [3, 3],
      [4, 40],
    ]);
  });
});

describe('column', () => {
  it('leaves gaps for what is missing or not a number', () => {
    expect(column([row(1, 1), { step: 2, values: {} }, row(3, Number.NaN)], 'loss')).toEqual([1, null, null]);
  });
  it('every chart has its own id and says what it means', () => {
    expect(new Set(CHARTS.map((chart) => chart.id)).size).toBe(CHARTS.length);
    for (const chart of CHARTS) expect(chart.caption.length).toBeGreaterThan(15);
  });
});
