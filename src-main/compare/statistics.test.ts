/** @file Statistics against published values and against brute force. */
import { expect, test } from 'vitest';
import { comparePaired, mcnemar, meanInterval, quantile, wilson } from './statistics.ts';

test('Wilson intervals equal those of R: prop.test(x, n, correct = FALSE)', () => {
  const cases: [number, number, number, number][] = [
    [8, 10, 0.4901625, 0.9433178],
    [0, 10, 0, 0.2775328],
    [10, 10, 0.7224672, 1],
    [81, 263, 0.2552741, 0.3662133], // Newcombe 1998, Statistics in Medicine 17, table I (0.2553 to 0.3662)
    [15, 148, 0.0623857, 0.1604898], // the same table: 0.0624 to 0.1605
  ];
  for (const [x, n, low, high] of cases) {
    const rate = wilson(x, n);
    expect(rate.value).toBeCloseTo(x / n, 12);
    expect(rate.low).toBeCloseTo(low, 4);
    expect(rate.high).toBeCloseTo(high, 4);
  }
  expect(wilson(0, 0)).toEqual({ value: 0, low: 0, high: 1, n: 0 });
  expect(() => wilson(3, 2)).toThrow(/0 <= successes <= n/);
});

test('Wilson covers the true rate about 95 times in 100, summed exactly over the binomial distribution', () => {
  const coverage = (n: number, p: number): number => {
    let probability = (1 - p) ** n;
    let covered = 0;
    for (let x = 0; x <= n; x++) {
      const { low, high } = wilson(x, n);
      if (low <= p && p <= high) covered += probability;
      probability *= ((n - x) / (x + 1)) * (p / (1 - p));
    }
    return covered;
  };
  const mean = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((p) => coverage(60, p));
  expect(mean.reduce((a, b) => a + b) / mean.length).toBeCloseTo(0.95, 2);
  expect(Math.min(...mean)).toBeGreaterThan(0.92);
});

test('McNemar is exact', () => {
  expect(mcnemar(9, 1)).toBeCloseTo(22 / 1024, 12);
  expect(mcnemar(1, 9)).toBeCloseTo(22 / 1024, 12);
  expect(mcnemar(5, 5)).toBe(1);
  expect(mcnemar(0, 0)).toBe(1);
  expect(mcnemar(0, 6)).toBeCloseTo(2 / 64, 12);
  // R: binom.test(1040, 2000)$p.value
  expect(mcnemar(1040, 960)).toBeCloseTo(0.0773, 3);
});

test('paired comparison counts flips both ways and brackets the difference', () => {
  const before = [...Array<boolean>(50).fill(true), ...Array<boolean>(50).fill(false)];
  const after = before.map((was, i) => (i < 5 ? false : i >= 80 ? true : was));
  const result = comparePaired(before, after, 1);
  expect(result).toMatchObject({ n: 100, bothRight: 45, bothWrong: 30, fixed: 20, broken: 5 });
  expect(result.difference.value).toBeCloseTo(0.15, 12);
  // Normal approximation: 0.15 +- 1.96 * sqrt((0.25 - 0.0225) / 100) = 0.0565 .. 0.2435
  expect(result.difference.low).toBeCloseTo(0.0565, 1);
  expect(result.difference.high).toBeCloseTo(0.2435, 1);
  expect(result.difference.low).toBeGreaterThan(0.04);
  expect(result.pValue).toBeCloseTo(mcnemar(20, 5), 12);
  expect(comparePaired(before, after, 1)).toEqual(result);
  expect(comparePaired(before, before).difference).toEqual({ value: 0, low: 0, high: 0 });
  expect(() => comparePaired([true], [])).toThrow(/equal lengths/);
});

test('quantile and mean', () => {
  expect(quantile(Float64Array.of(1, 2, 3, 4), 0.5)).toBe(2.5);
  const { value, low, high } = meanInterval([1, 2, 3, 4, 5]);
  expect(value).toBe(3);
  expect(high - value).toBeCloseTo((1.959964 * Math.sqrt(2.5)) / Math.sqrt(5), 5);
  expect(value - low).toBeCloseTo(high - value, 12);
});
