/**
 * @file What was asked before, what it cost, and what requests under way may cost: one SQLite file in the person's own folder, shared by all
 * projects and doors. A question is known by the hash of everything its reply depends on, so the same one is not paid twice. The key is
 * not in here.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { EndpointUsage } from '../contract/endpoint.ts';
import { Database } from '../project/sqlite.ts';
import type { ChatRequest, Tokens } from './protocol.ts';

/** A reply that is kept. */
export type Kept = { text: string; finished: boolean };

type Place = { host: string; model: string };

const FILE = 'endpoint.sqlite';
const NONE: EndpointUsage = { requests: 0, cached: 0, tokensIn: 0, tokensOut: 0, uncounted: 0, cost: 0 };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    finished INTEGER NOT NULL,
    at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS spent (
    host TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    uncounted INTEGER NOT NULL,
    cost REAL NOT NULL,
    PRIMARY KEY (host, model)
  );
  CREATE TABLE IF NOT EXISTS reserved (
    id INTEGER PRIMARY KEY,
    cost REAL NOT NULL,
    until INTEGER NOT NULL
  );`;

/** Name of a question: equal for equal address, model, messages and parameters. */
export function questionKey(url: URL, request: ChatRequest): string {
  const { model, messages, temperature, maxTokens } = request;
  const all = JSON.stringify([
    url.origin + url.pathname + url.search,
    model,
    temperature,
    maxTokens,
    messages,
  ]);
  return createHash('sha256').update(all).digest('hex');
}

export class Ledger {
  readonly #db: Database;

  /** Opens the file of this folder, or makes it. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#db = new Database(path.join(folder, FILE));
    this.#db.exec(SCHEMA);
  }

  /** Whether there is one to open. */
  static exists(folder: string): boolean {
    return existsSync(path.join(folder, FILE));
  }

  reply(key: string): Kept | null {
    const row = this.#db
      .prepare<{ text: string; finished: number }>('SELECT text, finished FROM replies WHERE key = ?')
      .get(key);
    return row ? { text: row.text, finished: row.finished === 1 } : null;
  }

  keep(key: string, { text, finished }: Kept): void {
    this.#write(() =>
      this.#db
        .prepare('INSERT OR REPLACE INTO replies (key, text, finished, at) VALUES (?, ?, ?, ?)')
        .run(key, text, finished, Date.now()),
    );
  }

  /** Safe from a crash of this process; a power cut may lose the last few, which costs them once more but no waiting for the disk. */
  #write(work: () => void): void {
    this.#db.transaction(work, { durable: false });
  }

  /** Counts a request that was answered with so many tokens (null: the server did not say), for so many dollars. */
  charge(place: Place, tokens: Tokens | null, cost: number): void {
    this.#add(place, {
      requests: 1,
      tokensIn: tokens?.in,
      tokensOut: tokens?.out,
      uncounted: tokens ? 0 : 1,
      cost,
    });
  }

  /** Counts a question that was answered from here. */
  spared(place: Place): void {
    this.#add(place, { cached: 1 });
  }

  #add({ host, model }: Place, more: Partial<EndpointUsage>): void {
    const { requests, cached, tokensIn, tokensOut, uncounted, cost } = { ...NONE, ...definedOf(more) };
    this.#write(() =>
      this.#db
        .prepare(
          `INSERT INTO spent (host, model, requests, cached, tokens_in, tokens_out, uncounted, cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (host, model) DO UPDATE SET requests = requests + excluded.requests, cached = cached + excluded.cached,
               tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
               uncounted = uncounted + excluded.uncounted, cost = cost + excluded.cost`,
        )
        .run(host, model, requests, cached, tokensIn, tokensOut, uncounted, cost),
    );
  }

  /** All of it together. */
  usage(): EndpointUsage {
    const { n, ...sum } = this.#db
      .prepare<EndpointUsage & { n: number }>(
        `SELECT count(*) AS n, sum(requests) AS requests, sum(cached) AS cached, sum(tokens_in) AS tokensIn,
           sum(tokens_out) AS tokensOut, sum(uncounted) AS uncounted, sum(cost) AS cost FROM spent`,
      )
      .get()!;
    return n === 0 ? NONE : { ...sum };
  }

  /**
   * Sets aside what a request may cost, until it has ended or, at the latest, until `until` (milliseconds since 1970: its process may die).
   * Gives a number to {@link release} it by, or, where the spending could go over the limit so, what `others` have set aside.
   */
  reserve(
    cost: number,
    { limit, until }: { limit: number; until: number },
  ): { id: number } | { others: number } {
    return this.#db.transaction(
      () => {
        this.#db.prepare('DELETE FROM reserved WHERE until < ?').run(Date.now());
        const others = this.#db.prepare<{ cost: number }>('SELECT total(cost) AS cost FROM reserved').get()!
          .cost;
        if (this.usage().cost + others + cost > limit) return { others };
        return this.#db
          .prepare<{ id: number }>('INSERT INTO reserved (cost, until) VALUES (?, ?) RETURNING id')
          .get(cost, until)!;
      },
      { durable: false },
    );
  }

  /** The request has ended, and is charged for if it costs anything. */
  release(id: number): void {
    this.#write(() => this.#db.prepare('DELETE FROM reserved WHERE id = ?').run(id));
  }

  /** Begins counting anew; replies are kept. */
  resetUsage(): void {
    this.#db.exec('DELETE FROM spent');
  }

  close(): void {
    this.#db.close();
  }
}

const definedOf = (more: Partial<EndpointUsage>): Partial<EndpointUsage> =>
  Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
