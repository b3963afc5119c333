/** @file The result of a generation job, as counts with words. Unknown keys are shown as they are, never dropped. */

export interface VerdictCount {
  readonly key: string;
  readonly value: number;
  readonly word: string;
  readonly help: string;
  readonly tone: 'plain' | 'good' | 'warn' | 'accent';
}

const WORDS: Record<string, Omit<VerdictCount, 'key' | 'value'>> = {
  wrong: { word: 'wrong', help: 'Wrong answers become pending pairs', tone: 'plain' },
  right: { word: 'right', help: 'Set aside: a right answer is no negative', tone: 'good' },
  unparseable: { word: 'unreadable', help: 'Could not be judged; flagged, not used', tone: 'warn' },
  pairs: { word: 'new pairs', help: 'Wait in Review', tone: 'accent' },
  skipped: { word: 'skipped', help: 'Their clip could not be used', tone: 'warn' },
  duplicate: { word: 'already there', help: 'The same wrong answer was known', tone: 'plain' },
  duplicates: { word: 'already there', help: 'The same wrong answer was known', tone: 'plain' },
  failed: { word: 'failed', help: 'The clip could not be read', tone: 'warn' },
};
/** Order in which known counts are shown. */
const ORDER = Object.keys(WORDS);

/** A warning of nothing is none. */
const worthSaying = ({ tone, value }: VerdictCount): boolean => tone !== 'warn' || value > 0;

/** Counts in a job's result, whether they stand at its top or under `counts` or `verdicts`. */
export function verdictCounts(result: unknown): VerdictCount[] {
  if (typeof result !== 'object' || result === null) return [];
  const outer = result as Record<string, unknown>;
  const inner = outer.verdicts ?? outer.counts;
  const counts = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : outer;
  const rank = (key: string): number => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length);
  return Object.entries(counts)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .sort((a, b) => rank(a[0]) - rank(b[0]))
    .map(([key, value]) => ({
      key,
      value,
      ...(WORDS[key] ?? { word: key, help: '', tone: 'plain' as const }),
    }))
    .filter(worthSaying);
}

/** Why questions were left out, most first, as a generation's result says; empty for any other result. */
export function skippedWhy(result: unknown): { reason: string; samples: number }[] {
  const list = (result as { skippedWhy?: unknown } | null | undefined)?.skippedWhy;
  if (!Array.isArray(list)) return [];
  return list.filter(
    (entry: unknown): entry is { reason: string; samples: number } =>
      typeof (entry as { reason?: unknown } | null)?.reason === 'string' &&
      typeof (entry as { samples?: unknown }).samples === 'number',
  );
}
