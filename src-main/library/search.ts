/** @file Full-text search as SQL: every word of the query must occur, anywhere inside the text, whatever its case and accents. */
import type { Database, SqlValue } from '../project/sqlite.ts';

/** A condition and its parameters, to be joined by AND. */
export type Condition = { sql: string; params: SqlValue[] };

/** A column that a search looks into, or a condition made of "the column has the word". */
type Searched = string | ((has: (column: string) => string) => string);

/**
 * Rows enter the index many at a time (the triggers on `search_marks`, project/migrations.ts); what is left waiting enters it here, in a
 * few tens of milliseconds at most. To be called before a search in `of`, so that it finds what was added a moment ago.
 */
export function indexWaiting(db: Database, of: 'samples' | 'pairs'): void {
  const waits =
    db.prepare<{ waiting: number }>('SELECT waiting FROM search_marks WHERE of = ?').get(of)!.waiting > 0;
  if (!waits) return;
  // More than the triggers let wait. Not waiting for the disk: what a power cut takes away waits again.
  const fill = (): number => db.prepare('UPDATE search_marks SET waiting = 1e9 WHERE of = ?').run(of);
  db.transaction(fill, { durable: false });
}

/** From so many places on, the texts are read sooner than the places. */
const MANY = 200_000;

/**
 * One or two characters as the beginning of the index's terms of three, among the pairs, whose `seq` it is (each text is indexed with two
 * spaces behind it, so that every character begins a term); null where reading the texts is better.
 */
export function shortWordCondition(db: Database, word: string, seq: string): Condition | null {
  const ascii = /^[\x21-\x7e]+$/.test(word);
  // How the index folds other letters is its secret; Chinese and the like have nothing to fold.
  if (!ascii && word.toLowerCase() !== word.toUpperCase()) return null;
  const begin = ascii ? word.toLowerCase() : word;
  const range = [begin, `${begin}\u{10ffff}`];
  const places = db
    .prepare<{ n: number }>('SELECT total(cnt) AS n FROM pairs_counts WHERE term >= ? AND term < ?')
    .get(...range)!.n;
  if (places > MANY) return null;
  return { sql: `${seq} IN (SELECT doc FROM pairs_terms WHERE term >= ? AND term < ?)`, params: range };
}

/**
 * Words of three and more characters go through the trigram index `fts` (its rowid being `seq`); shorter ones, which have no
 * trigram, as `short` says, or where it gives null through the `columns` themselves.
 */
export function searchCondition(
  query: string,
  fts: string,
  seq: string,
  columns: readonly Searched[],
  short: (word: string) => Condition | null = () => null,
): Condition[] {
  const words = query.trim().split(/\s+/u).filter(Boolean);
  const isLong = (word: string): boolean => [...word].length >= 3;
  const long = words.filter(isLong);
  const out: Condition[] = [];
  if (long.length > 0) {
    const match = long.map((word) => `"${word.replaceAll('"', '""')}"`).join(' AND ');
    out.push({ sql: `${seq} IN (SELECT rowid FROM ${fts} WHERE ${fts} MATCH ?)`, params: [match] });
  }
  for (const word of words) if (!isLong(word)) out.push(short(word) ?? textCondition(word, columns));
  return out;
}

/** Any of the columns has the word, by reading them. */
function textCondition(word: string, columns: readonly Searched[]): Condition {
  // Chinese and the like have no case to fold, and looking for bytes is several times as fast.
  const caseless = word.toLowerCase() === word.toUpperCase();
  const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`;
  const has = (column: string): string =>
    caseless ? `instr(${column}, ?) > 0` : `${column} LIKE ? ESCAPE '\\'`;
  return {
    sql: `(${columns.map((column) => (typeof column === 'string' ? has(column) : column(has))).join(' OR ')})`,
    params: columns.map(() => (caseless ? word : pattern)),
  };
}

/** `WHERE ...` with all conditions, or nothing. */
export function whereAll(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.length > 0 ? `WHERE ${conditions.map((c) => c.sql).join(' AND ')}` : '',
    params: conditions.flatMap((c) => c.params),
  };
}
