/** @file Curves: debiased exponential smoothing, and thinning that keeps every extreme. */

/** Points above which a chart is thinned. */
const MAX_POINTS = 1500;
/** Default smoothing weight of a chart: 0 is raw, nearer to 1 is smoother. */
export const DEFAULT_SMOOTHING = 0.6;

/**
 * Debiased EMA (Adam's correction): s_t = w s_{t-1} + (1-w) x_t, shown as s_t / (1 - w^t), so that the curve starts at
 * the first value instead of creeping up from 0. Values that are not finite are passed over and leave a gap (null).
 */
export function smooth(values: readonly (number | null)[], weight = DEFAULT_SMOOTHING): (number | null)[] {
  let state = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    seen++;
    state = weight * state + (1 - weight) * value;
    return state / (1 - weight ** seen);
  });
}

/**
 * Indices that survive thinning to about `limit` points: the first, the last, and of each bucket the lowest and highest
 * value, in order. A spike is never lost. Short series come back whole.
 */
export function thin(values: readonly (number | null)[], limit = MAX_POINTS): number[] {
  const n = values.length;
  if (n <= limit) return values.map((_, index) => index);
  const buckets = Math.max(1, Math.floor((limit - 2) / 2));
  const keep = new Set<number>([0, n - 1]);
  for (let b = 0; b < buckets; b++) {
    const from = Math.floor((b * n) / buckets);
    const to = Math.floor(((b + 1) * n) / buckets);
    let low = -1;
    let high = -1;
    for (let i = from; i < to; i++) {
      const value = values[i];
      if (value == null || !Number.isFinite(value)) continue;
      if (low < 0 || value < values[low]!) low = i;
      if (high < 0 || value > values[high]!) high = i;
    }
    if (low >= 0) keep.add(low).add(high);
    else keep.add(from);
  }
  return [...keep].sort((a, b) => a - b);
}

/**
 * Is the log-probability of the preferred answers collapsing? True when its smoothed value has fallen by more than
 * `drop` nats from where it began (mean of the first five steps), which is the classic failure of preference training.
 */
export function collapsing(values: readonly number[], drop = 20): { collapsing: boolean; fallen: number } {
  if (values.length < 6) return { collapsing: false, fallen: 0 };
  const start = values.slice(0, 5).reduce((sum, value) => sum + value, 0) / 5;
  const now = smooth(values, 0.8).at(-1) ?? start;
  const fallen = Math.max(0, start - now);
  return { collapsing: fallen > Math.max(drop, Math.abs(start)), fallen };
}
