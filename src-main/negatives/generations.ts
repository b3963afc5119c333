/**
 * @file What is remembered of a generation besides its answers (`attempts.ts`): what was asked for, so that it goes on after a restart,
 * and which samples were left out and why.
 */
import type { z } from 'zod';
import type { JobState, SkippedSample } from '../contract/schemas.ts';
import type { Database } from '../project/sqlite.ts';

type State = z.infer<typeof JobState>;

/** A generation that has not ended. */
export type UnfinishedGeneration = { id: string; request: unknown; paused: boolean };

/** Remembers a generation under its job's id. */
export function addGeneration(db: Database, id: string, request: unknown): void {
  db.insert('generations', { id, request: JSON.stringify(request), state: 'queued', created_at: Date.now() });
}

export function setGenerationState(db: Database, id: string, state: State): void {
  db.prepare('UPDATE generations SET state = ? WHERE id = ?').run(state, id);
}

/** What answers of a generation come from. */
export type Source = { modelHash: string; adapterHash: string | null };

/** What a generation began with; the first time it is asked, `now`, which is remembered. */
export function beganWith(db: Database, id: string, now: Source): Source {
  const { source } = db
    .prepare<{ source: string | null }>('SELECT source FROM generations WHERE id = ?')
    .get(id)!;
  if (source !== null) return JSON.parse(source) as Source;
  db.prepare('UPDATE generations SET source = ? WHERE id = ?').run(JSON.stringify(now), id);
  return now;
}

/** Generations that were waiting, running or paused when their process ended, oldest first. */
export function unfinishedGenerations(db: Database): UnfinishedGeneration[] {
  return db
    .prepare<{ id: string; request: string; state: State }>(
      `SELECT id, request, state FROM generations WHERE state IN ('queued', 'running', 'paused') ORDER BY created_at, rowid`,
    )
    .all()
    .map(({ id, request, state }) => ({
      id,
      request: JSON.parse(request) as unknown,
      paused: state === 'paused',
    }));
}

/** Counts a new pair of a generation. */
export function countPair(db: Database, id: string): void {
  db.prepare('UPDATE generations SET pairs = pairs + 1 WHERE id = ?').run(id);
}

/** New pairs of a generation so far, also of earlier processes. */
export function pairsOf(db: Database, id: string): number {
  return db.prepare<{ pairs: number }>('SELECT pairs FROM generations WHERE id = ?').get(id)!.pairs;
}

/** Remembers why a sample was left out; a later run of the generation tries it again. */
export function addSkipped(db: Database, id: string, sampleId: string, reason: string): void {
  db.prepare(
    `INSERT INTO generation_skips (generation_id, sample_id, reason) VALUES (?, ?, ?)
       ON CONFLICT (generation_id, sample_id) DO UPDATE SET reason = excluded.reason`,
  ).run(id, sampleId, reason);
}

/** Forgets what was left out, before the generation tries again. */
export function clearSkipped(db: Database, id: string): void {
  db.prepare('DELETE FROM generation_skips WHERE generation_id = ?').run(id);
}

/** Why samples were left out, and how many for each reason, most first. */
export function skippedReasons(db: Database, id: string): { reason: string; samples: number }[] {
  return db
    .prepare<{ reason: string; samples: number }>(
      `SELECT reason, count(*) AS samples FROM generation_skips WHERE generation_id = ?
         GROUP BY reason ORDER BY samples DESC, reason`,
    )
    .all(id);
}

/** One page of the samples that were left out, and how many there are. */
export function skippedSamples(
  db: Database,
  id: string,
  { offset, limit }: { offset: number; limit: number },
): { total: number; rows: SkippedSample[] } {
  const { n: total } = db
    .prepare<{ n: number }>('SELECT count(*) AS n FROM generation_skips WHERE generation_id = ?')
    .get(id)!;
  const rows = db
    .prepare<SkippedSample>(
      `SELECT s.id AS sampleId, s.video_id AS videoId, v.name AS videoName, s.question, k.reason
         FROM generation_skips k JOIN samples s ON s.id = k.sample_id JOIN videos v ON v.id = s.video_id
        WHERE k.generation_id = ? ORDER BY s.seq LIMIT ? OFFSET ?`,
    )
    .all(id, limit, offset);
  return { total, rows };
}
