/**
 * @file The one file that knows SQLite. Every commit is on the disk before the call returns (WAL, `synchronous=FULL`), but those that
 * say otherwise; SQLite's failures become sentences a person can act on.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { UserError } from '../platform/errors.ts';

/** What may be bound to a `?`. Booleans are bound as 0 and 1 by {@link Database}. */
export type SqlValue = string | number | bigint | null | Uint8Array | boolean | undefined;

// Result codes of the C interface: https://sqlite.org/rescode.html (low byte of `errcode`).
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_CONSTRAINT = 19;
const SQLITE_NOTADB = 26;

/** One prepared statement; `Row` names the columns that it selects. */
export class Statement<Row> {
  readonly #statement: StatementSync;
  readonly #file: string;

  constructor(statement: StatementSync, file: string) {
    this.#statement = statement;
    this.#file = file;
  }

  /** Every row. */
  all(...params: SqlValue[]): Row[] {
    return guard(this.#file, () => this.#statement.all(...bind(params)) as unknown as Row[]);
  }

  /** The first row, or undefined. */
  get(...params: SqlValue[]): Row | undefined {
    return guard(this.#file, () => this.#statement.get(...bind(params)) as unknown as Row | undefined);
  }

  /** Runs a statement that changes things; returns how many rows it changed. */
  run(...params: SqlValue[]): number {
    return guard(this.#file, () => Number(this.#statement.run(...bind(params)).changes));
  }
}

export type OpenOptions = {
  /** Fails when the file is absent instead of creating it. Default false. */
  mustExist?: boolean;
  /** Largest size in pages of 4 KiB, for tests of a full disk. Default: no limit but the disk's. */
  maxPages?: number;
};

/** One open database file. Synchronous: never hold a transaction over an `await`. */
export class Database {
  readonly file: string;
  readonly #db: DatabaseSync;
  readonly #cache = new Map<string, StatementSync>();
  #depth = 0;
  /** An inner transaction failed: the outer one must not be committed. */
  #doomed = false;

  /**
   * Opens or creates `file`.
   * @throws UserError NOT_FOUND, UNAVAILABLE (read-only, cannot open), CORRUPT.
   */
  constructor(file: string, options: OpenOptions = {}) {
    this.file = file;
    if (options.mustExist && !existsSync(file))
      throw new UserError(
        'NOT_FOUND',
        `database: expected ${file}, got no such file`,
        'Check that the folder is complete; restore the file from a copy if it was deleted.',
      );
    this.#db = guard(
      file,
      () => new DatabaseSync(file, { timeout: 5000, enableForeignKeyConstraints: true }),
    );
    try {
      guard(file, () => {
        this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY');
        this.#db.exec('PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 250');
        this.mapped = true;
        if (options.maxPages) this.#db.exec(`PRAGMA max_page_count = ${Math.floor(options.maxPages)}`);
        // A read-only file opens without complaint; the first write would fail. Ask for the write lock now.
        this.#db.exec('BEGIN IMMEDIATE; ROLLBACK');
      });
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /**
   * Whether reading goes through the system's own cache, which halves the time of a search through 100,000 texts, as it does at first.
   * What was read that way counts as memory of this process: up to a gigabyte.
   */
  set mapped(on: boolean) {
    this.exec(`PRAGMA mmap_size = ${on ? 2 ** 30 : 0}`);
  }

  /** Several statements without parameters. */
  exec(sql: string): void {
    guard(this.file, () => this.#db.exec(sql));
  }

  /** The prepared form of `sql`, compiled once per database. `Row` is the caller's promise about the columns. */
  prepare<Row = Record<string, unknown>>(sql: string): Statement<Row> {
    let statement = this.#cache.get(sql);
    if (!statement) {
      statement = guard(this.file, () => this.#db.prepare(sql));
      // Filters build many different texts: keep the last few hundred only.
      if (this.#cache.size >= 300) this.#cache.delete(this.#cache.keys().next().value!);
      this.#cache.set(sql, statement);
    }
    return new Statement<Row>(statement, this.file);
  }

  /** Inserts one row; the keys are column names from the source code, never from a person. */
  insert(table: string, row: Record<string, SqlValue>): void {
    const columns = Object.keys(row);
    this.prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    ).run(...Object.values(row));
  }

  /** Sets columns of the row with this `id`; returns how many rows that were (0 or 1). */
  update(table: string, id: string, row: Record<string, SqlValue>): number {
    const sets = Object.keys(row).map((column) => `${column} = ?`);
    return this.prepare(`UPDATE ${table} SET ${sets.join(', ')} WHERE id = ?`).run(...Object.values(row), id);
  }

  /**
   * Runs `work` in one transaction: all of it is on the disk when this returns, or none of it is. A nested call is part of the
   * outer one, and its failure is the outer one's failure. (No savepoints: the search index would be flushed at each, which
   * makes imports ten times slower.) `work` must not be async.
   *
   * `durable: false` is for work that can be done again, in many small steps: whole or not there as ever, also after a crash of this
   * process, but on the disk only with the next durable commit. It spares the wait for the disk at each step.
   */
  transaction<T>(work: () => T, { durable = true }: { durable?: boolean } = {}): T {
    const outermost = this.#depth === 0;
    if (outermost) {
      this.#doomed = false;
      if (!durable) this.exec('PRAGMA synchronous = NORMAL');
      this.exec('BEGIN IMMEDIATE');
    }
    this.#depth++;
    try {
      const result = work();
      if (result instanceof Promise)
        throw new Error('internal: database transaction: expected synchronous work, got a promise');
      if (outermost && this.#doomed)
        throw new Error('internal: database transaction: expected the error of an inner one to be passed on');
      if (outermost) this.exec('COMMIT');
      return result;
    } catch (error) {
      this.#doomed = true;
      // A full disk may already have rolled the transaction back; the first error is the one to tell.
      if (outermost && this.#db.isTransaction) this.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth--;
      if (outermost && !durable) this.exec('PRAGMA synchronous = FULL');
    }
  }

  /** What is wrong with the file, one sentence per finding; empty when it is sound. */
  integrityCheck(): string[] {
    const rows = this.prepare<{ integrity_check: string }>('PRAGMA integrity_check').all();
    return rows.map((row) => row.integrity_check).filter((line) => line !== 'ok');
  }

  /** The schema's version number, 0 in a new file. */
  get userVersion(): number {
    return this.prepare<{ user_version: number }>('PRAGMA user_version').get()!.user_version;
  }

  set userVersion(version: number) {
    this.exec(`PRAGMA user_version = ${Math.floor(version)}`);
  }

  /** Closes the file; the write-ahead log is folded in. Safe to call twice. */
  close(): void {
    if (!this.#db.isOpen) return;
    this.#cache.clear();
    this.#db.close();
  }
}

function bind(params: SqlValue[]): SQLInputValue[] {
  return params.map((value) =>
    typeof value === 'boolean' ? Number(value) : value === undefined ? null : value,
  );
}

function guard<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(file, error);
  }
}

/** SQLite's error as one the person can act on; anything else unchanged. */
function explain(file: string, error: unknown): unknown {
  const { code, errcode, errstr } = error as { code?: unknown; errcode?: unknown; errstr?: unknown };
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return error;
  const because = `(SQLite ${errcode}: ${String(errstr)})`;
  const cause = { cause: error };
  switch (errcode & 0xff) {
    case SQLITE_FULL:
      return new UserError(
        'DISK_FULL',
        `database: no space left to write ${file} ${because}`,
        'Free some space on this disk and repeat the last change; everything saved before it is kept.',
        cause,
      );
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return new UserError(
        'UNAVAILABLE',
        `database: expected a folder that can be written, got a read-only or unreachable ${file} ${because}`,
        `Give yourself write permission to ${path.dirname(file)}, or copy the project to a folder where you have it.`,
        cause,
      );
    case SQLITE_BUSY:
      return new UserError(
        'LOCKED',
        `database: ${file} is being written by another program ${because}`,
        'Close the other program and try again.',
        cause,
      );
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new UserError(
        'CORRUPT',
        `database: expected a sound SQLite file, got a damaged ${file} ${because}`,
        'Restore the project from a copy, or rescue what is readable with: sqlite3 FILE ".recover".',
        cause,
      );
    case SQLITE_IOERR:
      return new UserError(
        'UNAVAILABLE',
        `database: the disk failed to read or write ${file} ${because}`,
        'Check the disk and its connection; everything saved before is kept.',
        cause,
      );
    case SQLITE_CONSTRAINT:
      return new Error(
        `internal: database: ${error instanceof Error ? error.message : because} in ${file}`,
        cause,
      );
    default:
      return error;
  }
}
