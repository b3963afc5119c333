/**
 * @file Every answer that was drawn from the model on purpose is remembered with the conditions it was drawn under, so that a
 * cancelled generation goes on where it was and never asks the same thing twice.
 */
import { createHash } from 'node:crypto';
import type { Database } from '../project/sqlite.ts';
import type { Verdict } from './judge.ts';

/** Everything an answer depends on besides the sample. */
export type Conditions = {
  modelHash: string;
  /** Hash or name of the adapter; null for the base model. */
  adapter: string | null;
  /** `media/perturb.ts` Recipe; null for the clean clip. */
  recipe: unknown;
  seed: number;
  decoding: Record<string, unknown>;
  frames: number;
};

/** One drawn and judged answer. */
export type Attempt = {
  sampleId: string;
  answer: string;
  verdict: Verdict;
  reason: string;
  /** The pair it became, when it was wrong. */
  pairId: string | null;
};

/** Answers by verdict. */
export type AttemptCounts = Record<Verdict, number>;

/** A short name for the conditions: equal conditions, equal key, whatever the order of their keys. */
export function conditionsKey(conditions: Conditions): string {
  const sorted = JSON.stringify(conditions, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(sorted).digest('hex').slice(0, 32);
}

/** Samples that were asked under these conditions already. */
export function attemptedSamples(db: Database, key: string): Set<string> {
  const rows = db
    .prepare<{ sample_id: string }>('SELECT sample_id FROM attempts WHERE conditions = ?')
    .all(key);
  return new Set(rows.map((row) => row.sample_id));
}

/** Remembers one answer; a sample that was asked before under the same conditions keeps its first answer. */
export function addAttempt(db: Database, key: string, attempt: Attempt): void {
  db.prepare(
    `INSERT INTO attempts (sample_id, conditions, answer, verdict, reason, pair_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (sample_id, conditions) DO NOTHING`,
  ).run(attempt.sampleId, key, attempt.answer, attempt.verdict, attempt.reason, attempt.pairId, Date.now());
}

/** How many answers were right, wrong and unparseable under these conditions. */
export function countAttempts(db: Database, key: string): AttemptCounts {
  const counts: AttemptCounts = { right: 0, wrong: 0, unparseable: 0 };
  const rows = db
    .prepare<{ verdict: Verdict; n: number }>(
      'SELECT verdict, count(*) AS n FROM attempts WHERE conditions = ? GROUP BY verdict',
    )
    .all(key);
  for (const { verdict, n } of rows) counts[verdict] = n;
  return counts;
}
