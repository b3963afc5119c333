/**
 * @file Every answer that was drawn from the model on purpose is remembered with the conditions it was drawn under, so that a
 * cancelled generation goes on where it was and never asks the same thing twice.
 */
import { createHash } from 'node:crypto';
import type { Provenance } from '../contract/schemas.ts';
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
  /** How a concept is suggested; absent where none is. */
  prompt?: string;
};

/** One drawn and judged answer. */
export type Attempt = {
  sampleId: string;
  answer: string;
  verdict: Verdict;
  reason: string;
  /** How it was drawn: what a pair needs when a person overrules the verdict later. */
  provenance: Provenance;
  /** `recipes.ts` recipeKey. */
  recipe: string;
  /** The pair it became, when it was wrong; `made`: that pair was not there before. */
  pairId: string | null;
  made: boolean;
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

/** Of each of these samples that was asked under any of these conditions: how many answers there are, and whether one is wrong. */
export function attemptedSamples(
  db: Database,
  keys: readonly string[],
  sampleIds: readonly string[],
): Map<string, { answers: number; wrong: boolean }> {
  const rows = db
    .prepare<{ sample_id: string; answers: number; wrong: number }>(
      `SELECT sample_id, count(*) AS answers, max(verdict = 'wrong') AS wrong FROM attempts
         WHERE sample_id IN (SELECT value FROM json_each(?)) AND conditions IN (SELECT value FROM json_each(?))
         GROUP BY sample_id`,
    )
    .all(JSON.stringify(sampleIds), JSON.stringify(keys));
  return new Map(rows.map(({ sample_id, answers, wrong }) => [sample_id, { answers, wrong: wrong === 1 }]));
}

/** Remembers one answer; a sample that was asked before under the same conditions keeps its first answer. */
export function addAttempt(db: Database, key: string, attempt: Attempt): void {
  db.prepare(
    `INSERT INTO attempts (sample_id, conditions, answer, verdict, reason, pair_id, created_at, provenance, recipe, family, made)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (sample_id, conditions) DO NOTHING`,
  ).run(
    attempt.sampleId,
    key,
    attempt.answer,
    attempt.verdict,
    attempt.reason,
    attempt.pairId,
    Date.now(),
    JSON.stringify(attempt.provenance),
    attempt.recipe,
    attempt.provenance.family ?? null,
    attempt.made ? 1 : 0,
  );
}

/** How many samples have a wrong answer under these conditions; of the others, how many a right one, and how many none to be read. */
export function countAttempts(db: Database, keys: readonly string[]): AttemptCounts {
  const counts: AttemptCounts = { right: 0, wrong: 0, unparseable: 0 };
  const rows = db
    .prepare<{ verdict: Verdict; n: number }>(
      `SELECT verdict, count(*) AS n FROM (
         SELECT CASE WHEN max(verdict = 'wrong') THEN 'wrong' WHEN max(verdict = 'right') THEN 'right'
           ELSE 'unparseable' END AS verdict
         FROM attempts WHERE conditions IN (SELECT value FROM json_each(?)) GROUP BY sample_id)
       GROUP BY verdict`,
    )
    .all(JSON.stringify(keys));
  for (const { verdict, n } of rows) counts[verdict] = n;
  return counts;
}
