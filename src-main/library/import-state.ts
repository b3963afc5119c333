/**
 * @file How far an import is, in the project's database and written together with its rows: after a cancel or a crash it goes on behind
 * the last row that is in, without reading what lies before. The rows that failed stand beside it until the import is done.
 */
import { createHash } from 'node:crypto';
import type { OpenProject } from '../project/project.ts';
import { writeRecord } from './text/delimited.ts';
import { Layout, type Cursor } from './text/cursor.ts';
import { firstBytes, HEAD_BYTES } from './text/read-text.ts';

/** Rows so far. */
export type Counts = { rows: number; imported: number; duplicates: number; failed: number };

/** Where reading begins, and what was done before. */
export type Place = { byte: number; line: number; layout: Layout | null; counts: Counts; startedAt: number };

type Row = {
  file: string;
  settings: string;
  byte: number;
  line: number;
  layout: string;
  counts: string;
  started_at: number;
};

const NOTHING: Counts = { rows: 0, imported: 0, duplicates: 0, failed: 0 };

/** What tells one state of a file from another without reading all of it: size, time of change, hash of its beginning. */
export async function fileIdentity(file: string, info: { size: number; mtimeMs: number }): Promise<string> {
  const head = createHash('sha256').update(await firstBytes(file, HEAD_BYTES));
  return `${info.size} ${Math.floor(info.mtimeMs)} ${head.digest('hex')}`;
}

export class ImportState {
  readonly #project: OpenProject;
  readonly #path: string;
  readonly #file: string;
  readonly #settings: string;

  /** `settings`: what else decides what a row becomes; with others an import begins anew. */
  constructor(project: OpenProject, path: string, identity: string, settings: object) {
    this.#project = project;
    this.#path = path;
    this.#file = identity;
    this.#settings = JSON.stringify(settings);
  }

  get #db(): OpenProject['db'] {
    return this.#project.db;
  }

  #row(): Row | undefined {
    return this.#db.prepare<Row>('SELECT * FROM imports WHERE path = ?').get(this.#path);
  }

  /** Where an import of this very file with these settings was stopped; null when there is none. */
  stopped(): Place | null {
    const row = this.#row();
    if (row?.file !== this.#file || row.settings !== this.#settings) return null;
    const layout = Layout.safeParse(JSON.parse(row.layout));
    if (!layout.success) return null;
    const counts = JSON.parse(row.counts) as Counts;
    return { byte: row.byte, line: row.line, layout: layout.data, counts, startedAt: row.started_at };
  }

  /** Whether an import was stopped of a file that has been changed since. */
  get changed(): boolean {
    const row = this.#row();
    return row !== undefined && row.file !== this.#file;
  }

  /** Where to begin. Errors behind that place will be found again; lines do not tell which: a whole list may stand in one. */
  begin(startOver: boolean): Place {
    const place = startOver ? null : this.stopped();
    if (!place) {
      this.forget();
      return { byte: 0, line: 1, layout: null, counts: { ...NOTHING }, startedAt: Date.now() };
    }
    this.#db
      .prepare(
        `DELETE FROM import_errors WHERE path = ? AND rowid NOT IN
          (SELECT rowid FROM import_errors WHERE path = ? ORDER BY rowid LIMIT ?)`,
      )
      .run(this.#path, this.#path, place.counts.failed);
    return place;
  }

  /** Notes how far it is; to be called in the transaction of the rows. */
  save(byte: number, { line, layout }: Cursor, counts: Counts, startedAt: number): void {
    this.#db
      .prepare(
        `INSERT OR REPLACE INTO imports (path, file, settings, byte, line, layout, counts, started_at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        this.#path,
        this.#file,
        this.#settings,
        byte,
        line,
        JSON.stringify(layout),
        JSON.stringify(counts),
        startedAt,
      );
  }

  /** A row could not be used; in the transaction of the other rows. */
  addError(line: number, reason: string): void {
    this.#db
      .prepare('INSERT INTO import_errors (path, line, reason) VALUES (?, ?, ?)')
      .run(this.#path, line, reason);
  }

  /** The first rows that could not be used. */
  errors(limit: number): { line: number; reason: string }[] {
    type Failed = { line: number; reason: string };
    return this.#db
      .prepare<Failed>('SELECT line, reason FROM import_errors WHERE path = ? ORDER BY line, rowid LIMIT ?')
      .all(this.#path, limit)
      .map(({ line, reason }) => ({ line, reason }));
  }

  /** All of them as a table, piece by piece. */
  *errorTable(): Generator<Uint8Array> {
    const encoder = new TextEncoder();
    yield encoder.encode(writeRecord(['line', 'reason'], ','));
    type Failed = { rowid: number; line: number; reason: string };
    const page = this.#db.prepare<Failed>(
      `SELECT rowid, line, reason FROM import_errors WHERE path = ? AND (line, rowid) > (?, ?)
        ORDER BY line, rowid LIMIT 1000`,
    );
    let last = { line: -1, rowid: 0 };
    for (;;) {
      const rows = page.all(this.#path, last.line, last.rowid);
      if (rows.length === 0) return;
      yield encoder.encode(rows.map((row) => writeRecord([String(row.line), row.reason], ',')).join(''));
      last = rows[rows.length - 1];
    }
  }

  /** The import is done, or begins anew. */
  forget(): void {
    this.#db.transaction(() => {
      this.#db.prepare('DELETE FROM imports WHERE path = ?').run(this.#path);
      this.#db.prepare('DELETE FROM import_errors WHERE path = ?').run(this.#path);
    });
  }
}
