/**
 * @file The concepts of each sample, read once and kept in the project, so that co-occurrences are counted in a second and not in half a
 * minute; and the statistics over the training samples, counted anew only when these have changed.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Sample } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import type { Database } from '../project/sqlite.ts';
import { loadReader } from './concepts.ts';
import { conceptsOfSample, ConceptStatistics, type SampleConcept } from './concept-statistics.ts';

/** Samples read in one transaction: about ten milliseconds. */
const STEP = 50;
/** Samples fetched at a time when they are counted. */
const PAGE = 500;

const UNREAD = 'FROM samples s WHERE NOT EXISTS (SELECT 1 FROM sample_concepts c WHERE c.seq = s.seq)';

/** How many samples have not been read yet. */
export function unreadSamples(db: Database): number {
  return db.prepare<{ n: number }>(`SELECT count(*) AS n ${UNREAD}`).get()!.n;
}

/** Reads those samples, in steps that let other work through. What is read stays read after a cancel. @throws UserError CANCELLED */
export async function readSamples(
  db: Database,
  { signal, onStep }: { signal?: AbortSignal; onStep?: (done: number, total: number) => void } = {},
): Promise<void> {
  const total = unreadSamples(db);
  if (total > 0) await loadReader();
  type Row = Pick<Sample, 'type' | 'question' | 'chosen'> & { seq: number };
  // By their keys, so that each step begins where the last one ended.
  const next = db.prepare<Row>(
    `SELECT s.seq, s.type, s.question, s.chosen ${UNREAD} AND s.seq > ? ORDER BY s.seq LIMIT ${STEP}`,
  );
  const keep = db.prepare('INSERT INTO sample_concepts (seq, concepts) VALUES (?, ?)');
  let done = 0;
  for (let rows = next.all(0); rows.length > 0; rows = next.all(rows.at(-1)!.seq)) {
    if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    db.transaction(() => {
      for (const row of rows) keep.run(row.seq, JSON.stringify(conceptsOfSample(row)));
    });
    done += rows.length;
    onStep?.(done, total);
    await breathe();
  }
}

/** The concepts of all training samples that have been read. */
function* trainingConcepts(db: Database): Generator<SampleConcept[]> {
  const page = db.prepare<{ seq: number; concepts: string }>(
    `SELECT c.seq, c.concepts FROM sample_concepts c JOIN samples s ON s.seq = c.seq JOIN videos v ON v.id = s.video_id
       WHERE v.split = 'train' AND c.seq > ? ORDER BY c.seq LIMIT ${PAGE}`,
  );
  for (let rows = page.all(0); rows.length > 0; rows = page.all(rows.at(-1)!.seq))
    for (const { concepts } of rows) yield JSON.parse(concepts) as SampleConcept[];
}

/** What the statistics of a project depend on: how many samples are read, and which videos are for training. */
function versionOf(db: Database): string {
  return JSON.stringify(
    db
      .prepare(
        `SELECT (SELECT count(*) FROM sample_concepts) AS samples, (SELECT max(seq) FROM sample_concepts) AS last,
           (SELECT total(rowid * rowid) FROM videos WHERE split = 'train') AS videos`,
      )
      .get(),
  );
}

const counted = new WeakMap<Database, { version: string; statistics: ConceptStatistics }>();

/** The statistics over the training samples that have been read. @throws UserError CANCELLED */
export async function conceptStatistics(db: Database, signal?: AbortSignal): Promise<ConceptStatistics> {
  const version = versionOf(db);
  const known = counted.get(db);
  if (known?.version === version) return known.statistics;
  const statistics = await ConceptStatistics.count(
    () => trainingConcepts(db),
    () => {
      if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    },
  );
  counted.set(db, { version, statistics });
  return statistics;
}

/** The concepts that the preferred answers about one video name. */
export function conceptsOfVideo(db: Database, videoId: string): Set<string> {
  const rows = db
    .prepare<{ concepts: string }>(
      'SELECT c.concepts FROM samples s JOIN sample_concepts c ON c.seq = s.seq WHERE s.video_id = ?',
    )
    .all(videoId);
  return new Set(
    rows.flatMap(({ concepts }) =>
      (JSON.parse(concepts) as SampleConcept[]).flatMap(([key, , , inAnswer]) => (inAnswer ? [key] : [])),
    ),
  );
}
