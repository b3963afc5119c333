/** @file The statistics that Compare shows: intervals for rates, a test and an interval for the difference of paired answers. */
import type { PairedComparison, Rate } from '../contract/schemas.ts';
import { Random } from '../platform/random.ts';

/** 97.5 % point of the standard normal distribution: 95 % two-sided. */
const Z95 = 1.959963984540054;

/**
 * A proportion with its Wilson score interval (Wilson 1927, without continuity correction): well behaved for few answers and for
 * rates near 0 and 1. With n = 0 nothing is known: value 0, interval 0..1.
 */
export function wilson(successes: number, n: number, z: number = Z95): Rate {
  if (!Number.isInteger(successes) || successes < 0 || successes > n)
    throw new RangeError(`internal: wilson: expected 0 <= successes <= n, got ${successes} of ${n}`);
  if (n === 0) return { value: 0, low: 0, high: 1, n: 0 };
  const p = successes / n;
  const centre = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  return {
    value: p,
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === n ? 1 : Math.min(1, centre + half),
    n,
  };
}

/** Bootstrap replicates: the interval's ends are then stable to about a tenth of their standard error. */
const REPLICATES = 10_000;

/**
 * Compares right/not-right of the same questions, in the same order. The interval resamples questions with replacement; only the
 * counts of fixed and broken matter, so each replicate draws those two from the multinomial instead of n questions.
 */
export function comparePaired(
  before: readonly boolean[],
  after: readonly boolean[],
  seed = 0,
): PairedComparison {
  if (before.length !== after.length)
    throw new RangeError(
      `internal: comparePaired: expected equal lengths, got ${before.length} and ${after.length}`,
    );
  const n = before.length;
  let [bothRight, fixed, broken] = [0, 0, 0];
  before.forEach((was, i) => {
    if (was && after[i]) bothRight++;
    else if (!was && after[i]) fixed++;
    else if (was) broken++;
  });
  const value = n === 0 ? 0 : (fixed - broken) / n;
  return {
    n,
    bothRight,
    bothWrong: n - bothRight - fixed - broken,
    fixed,
    broken,
    difference: { value, ...bootstrap(n, fixed, broken, seed) },
    pValue: mcnemar(fixed, broken),
  };
}

function bootstrap(n: number, fixed: number, broken: number, seed: number): { low: number; high: number } {
  if (n === 0) return { low: -1, high: 1 };
  const random = new Random(`bootstrap/${seed}`);
  const replicates = Float64Array.from({ length: REPLICATES }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const draw = random.int(n);
      if (draw < fixed) sum++;
      else if (draw < fixed + broken) sum--;
    }
    return sum / n;
  }).sort();
  return { low: quantile(replicates, 0.025), high: quantile(replicates, 0.975) };
}

/** Quantile of sorted values with linear interpolation (R's type 7). */
export function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** Exact two-sided McNemar test on the two kinds of flips: a binomial test of `fixed` against `broken` with p = 1/2. */
export function mcnemar(fixed: number, broken: number): number {
  const n = fixed + broken;
  if (n === 0) return 1;
  // Tail sum in logarithms: n may be thousands.
  let logTerm = -n * Math.LN2; // log of C(n, 0) / 2^n
  let tail = 0;
  for (let k = 0; k <= Math.min(fixed, broken); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

/** A mean with its 95 % normal interval; for quantities such as KL that are not proportions. */
export function meanInterval(values: readonly number[]): {
  value: number;
  low: number;
  high: number;
  n: number;
} {
  const n = values.length;
  if (n === 0) return { value: 0, low: 0, high: 0, n };
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  if (n === 1) return { value: mean, low: mean, high: mean, n };
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1);
  const half = Z95 * Math.sqrt(variance / n);
  return { value: mean, low: mean - half, high: mean + half, n };
}
