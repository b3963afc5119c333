/** @file Smoothing against hand-computed numbers; thinning keeps spikes, ends and order; the collapse alarm. */
import { describe, expect, it } from 'vitest';
import { collapsing, smooth, thin } from './series.ts';

describe('smooth', () => {
  it('starts at the first value and follows the formula', () => {
    // s1 = .4, /.4 = 1; s2 = .24+.8 = 1.04, /.64 = 1.625; s3 = .624+1.2 = 1.824, /.784 = 2.3265306
    const result = smooth([1, 2, 3], 0.6);
    expect(result[0]).toBeCloseTo(1, 12);
    expect(result[1]).toBeCloseTo(1.625, 12);
    expect(result[2]).toBeCloseTo(2.3265306122, 9);
  });
  it('keeps a constant constant, and weight 0 raw', () => {
    for (const value of smooth([5, 5, 5, 5], 0.9)) expect(value).toBeCloseTo(5, 12);
    expect(smooth([3, -1, 8], 0)).toEqual([3, -1, 8]);
  });
  it('leaves a gap where there is no number, and goes on', () => {
    expect(smooth([1, null, NaN, 1], 0.6)).toEqual([1, null, null, 1]);
  });
});

describe('thin', () => {
  it('leaves short series alone', () => {
    expect(thin([3, 1, 2])).toEqual([0, 1, 2]);
  });
  it('keeps a one-step spike among 100,000, both ends, and the order', () => {
    const values = Array.from({ length: 100_000 }, (_, i) => Math.sin(i / 900));
    values[41_234] = 50;
    values[77_001] = -50;
    const kept = thin(values);
    expect(kept.length).toBeLessThanOrEqual(1500);
    expect(kept).toContain(41_234);
    expect(kept).toContain(77_001);
    expect([kept[0], kept.at(-1)]).toEqual([0, 99_999]);
    expect(kept.every((index, i) => i === 0 || index > kept[i - 1])).toBe(true);
  });
});

describe('collapsing', () => {
  it('is quiet for a small drift and loud for a fall', () => {
    expect(collapsing([-30, -30, -30, -30, -30, -31, -33]).collapsing).toBe(false);
    const falling = Array.from({ length: 60 }, (_, i) => -30 - 2 * i);
    const result = collapsing(falling);
    expect(result.collapsing).toBe(true);
    expect(result.fallen).toBeGreaterThan(80);
    expect(collapsing([-1, -500]).collapsing).toBe(false);
  });
});
