/**
 * @file The queues: a page of the pairs that pass a filter, their ids, how many there are, and what the filters can be set to. `own` names
 * the reviewer whose own versions are all that counts; null: the pair's own.
 */
import type { z } from 'zod';
import type { ErrorPattern } from '../contract/recipe.ts';
import type {
  LintCode,
  PairFacets,
  PairFilter,
  PairSelection,
  PairStatus,
  PhraseKind,
} from '../contract/schemas.ts';
import { indexWaiting, shortWordCondition, type Condition } from '../library/search.ts';
import type { Database } from '../project/sqlite.ts';
import { pairConditions, SELECT_PAIRS, statusColumn, type PairRow } from './rows.ts';

type Status = z.infer<typeof PairStatus>;
type Code = z.infer<typeof LintCode>;

/** One page in the order of creation, and how many there are in all. */
export function pageOf(
  db: Database,
  filter: PairFilter,
  own: string | null,
  page: { offset: number; limit: number },
): { total: number; rows: PairRow[] } {
  const { total, keys } = keysOf(db, search(db, filter, own), page, filter.text !== undefined);
  // Whole rows carry texts and marks, which only the page needs.
  const rows = db
    .prepare<PairRow>(`${SELECT_PAIRS} WHERE p.seq IN (SELECT value FROM json_each(?)) ORDER BY p.seq`)
    .all(JSON.stringify(keys));
  return { total, rows };
}

/** What a person filters by; what was added a moment ago is among it. */
function search(db: Database, filter: PairFilter, own: string | null): Condition {
  if (filter.text) indexWaiting(db, 'pairs');
  return pairConditions(filter, own, (word) => shortWordCondition(db, word, 'p.seq'));
}

/** How many pairs fit, and the keys of one page of them. A search is carried out once for both; an index answers twice as fast. */
function keysOf(
  db: Database,
  where: Condition,
  { offset, limit }: { offset: number; limit: number },
  isSearch: boolean,
): { total: number; keys: number[] } {
  const hits = `SELECT p.seq AS key FROM pairs p ${where.sql}`;
  const part = 'ORDER BY key LIMIT ? OFFSET ?';
  type Hit = { key: number; n: number };
  const found = isSearch
    ? db
        .prepare<Hit>(
          `WITH hits AS MATERIALIZED (${hits}) SELECT key, (SELECT count(*) FROM hits) AS n FROM hits ${part}`,
        )
        .all(...where.params, limit, offset)
    : db.prepare<Hit>(`${hits} ${part}`).all(...where.params, limit, offset);
  const total =
    found[0]?.n ??
    db.prepare<{ n: number }>(`SELECT count(*) AS n FROM pairs p ${where.sql}`).get(...where.params)!.n;
  return { total, keys: found.map(({ key }) => key) };
}

/** The ids of a selection, in the order of creation. */
export function idsOf(db: Database, selection: PairSelection, own: string | null): string[] {
  if ('pairIds' in selection) return [...new Set(selection.pairIds)];
  const where = search(db, selection.filter, own);
  const except = new Set(selection.except);
  return db
    .prepare<{ id: string }>(`SELECT p.id FROM pairs p ${where.sql} ORDER BY p.seq`)
    .all(...where.params)
    .map((row) => row.id)
    .filter((id) => !except.has(id));
}

/** How many pairs are in each queue. */
export function countsOf(db: Database, own: string | null): Record<Status, number> {
  const counts = { pending: 0, accepted: 0, rejected: 0, second_look: 0 };
  const status = statusColumn(own);
  for (const row of db
    .prepare<{ status: Status; n: number }>(
      `SELECT ${status.sql} AS status, count(*) AS n FROM pairs p GROUP BY 1`,
    )
    .all(...status.params))
    counts[row.status] = row.n;
  return counts;
}

/** What the filters of one queue (or all) can be set to, the most frequent first. */
export function facetsOf(db: Database, queue: Status | undefined, own: string | null): PairFacets {
  const where = pairConditions({ status: queue }, own);
  const group = <Row>(sql: string): Row[] => db.prepare<Row>(sql).all(...where.params);
  const reviewers = group<PairFacets['reviewers'][number]>(
    queue === undefined
      ? 'SELECT reviewer, count(*) AS pairs FROM reviews GROUP BY reviewer'
      : `SELECT r.reviewer, count(*) AS pairs FROM reviews r JOIN pairs p ON p.seq = r.pair_seq ${where.sql} GROUP BY 1`,
  );
  const sources = new Map<string, number>();
  const families = new Map<ErrorPattern, number>();
  const kinds = new Map<PhraseKind, number>();
  const lints = new Map<Code, number>();
  const count = <K>(map: Map<K, number>, key: K, n: number): void =>
    void map.set(key, (map.get(key) ?? 0) + n);
  type Group = { source: string; family: ErrorPattern | null; kinds: string; lints: string; n: number };
  for (const row of group<Group>(
    `SELECT p.source, p.family, p.kinds, p.lints, count(*) AS n FROM pairs p ${where.sql} GROUP BY 1, 2, 3, 4`,
  )) {
    count(sources, row.source, row.n);
    if (row.family !== null) count(families, row.family, row.n);
    for (const kind of JSON.parse(row.kinds) as PhraseKind[]) count(kinds, kind, row.n);
    for (const code of JSON.parse(row.lints) as Code[]) count(lints, code, row.n);
  }
  const leaks = pairConditions({ status: queue, lint: 'heldout-leak' }, own);
  const leaking = db
    .prepare<{ n: number }>(`SELECT count(*) AS n FROM pairs p ${leaks.sql}`)
    .get(...leaks.params)!.n;
  if (leaking > 0) lints.set('heldout-leak', leaking);
  const most = (a: { pairs: number }, b: { pairs: number }): number => b.pairs - a.pairs;
  return {
    sources: [...sources].map(([source, n]) => ({ source, pairs: n })).sort(most),
    families: [...families].map(([family, n]) => ({ family, pairs: n })).sort(most),
    kinds: [...kinds].map(([kind, n]) => ({ kind, pairs: n })).sort(most),
    reviewers: reviewers.map((row) => ({ ...row })).sort(most),
    lints: [...lints].map(([code, n]) => ({ code, pairs: n })).sort(most),
  };
}
