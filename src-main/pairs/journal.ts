/**
 * @file The journal of pairs: every change with what was before and after it. It gives history, and undo and redo across text,
 * marks and status that survive a restart, because the stacks are rows and nothing else.
 */
import type { HistoryEntry, Pair, Phrase } from '../contract/schemas.ts';
import type { Database } from '../project/sqlite.ts';

/** What a person can change about a pair. */
export type PairContent = {
  chosen: string;
  rejected: string;
  phrases: Phrase[];
  status: Pair['status'];
};

/** A change to be recorded. `at` in milliseconds; `version` is the pair's after the change. */
export type JournalEntry = {
  pairId: string;
  version: number;
  at: number;
  reviewer: string;
  action: 'created' | 'text' | 'phrases' | 'status' | 'undo' | 'redo';
  summary: string;
};

type Step = { seq: number; before: string; after: string; summary: string };
type StepContent = { seq: number; content: PairContent; summary: string };

export class Journal {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Records an edit; what was undone before it can no longer be redone. */
  edit(entry: JournalEntry, before: PairContent, after: PairContent): void {
    this.#db
      .prepare(`UPDATE journal SET undo = 'dropped' WHERE pair_id = ? AND undo = 'undone'`)
      .run(entry.pairId);
    this.#insert(entry, 'done', before, after);
  }

  /** Records something that is not undone by itself: creation, and undo and redo themselves. */
  note(entry: JournalEntry): void {
    this.#insert(entry, 'none', null, null);
  }

  /** The last edit that is in force, with the content before it. */
  lastDone(pairId: string): StepContent | null {
    const step = this.#db
      .prepare<Step>(
        `SELECT seq, before, after, summary FROM journal WHERE pair_id = ? AND undo = 'done' ORDER BY seq DESC LIMIT 1`,
      )
      .get(pairId);
    return step ? { seq: step.seq, content: parse(step.before), summary: step.summary } : null;
  }

  /** The first edit that was undone, with the content after it. */
  firstUndone(pairId: string): StepContent | null {
    const step = this.#db
      .prepare<Step>(
        `SELECT seq, before, after, summary FROM journal WHERE pair_id = ? AND undo = 'undone' ORDER BY seq LIMIT 1`,
      )
      .get(pairId);
    return step ? { seq: step.seq, content: parse(step.after), summary: step.summary } : null;
  }

  /** Moves an edit between the two stacks. */
  mark(seq: number, undo: 'done' | 'undone'): void {
    this.#db.prepare('UPDATE journal SET undo = ? WHERE seq = ?').run(undo, seq);
  }

  /** Whether there is anything to undo and to redo. */
  stacks(pairId: string): { canUndo: boolean; canRedo: boolean } {
    const rows = this.#db
      .prepare<{ undo: string }>(
        `SELECT DISTINCT undo FROM journal WHERE pair_id = ? AND undo IN ('done', 'undone')`,
      )
      .all(pairId);
    return { canUndo: rows.some((r) => r.undo === 'done'), canRedo: rows.some((r) => r.undo === 'undone') };
  }

  /** Who changed what and when, oldest first. */
  history(pairId: string): HistoryEntry[] {
    return this.#db
      .prepare<HistoryEntry>(
        'SELECT at, reviewer, action, summary, version FROM journal WHERE pair_id = ? ORDER BY seq',
      )
      .all(pairId)
      .map((row) => ({ ...row }));
  }

  #insert(
    entry: JournalEntry,
    undo: 'done' | 'none',
    before: PairContent | null,
    after: PairContent | null,
  ): void {
    this.#db.insert('journal', {
      pair_id: entry.pairId,
      version: entry.version,
      at: entry.at,
      reviewer: entry.reviewer,
      action: entry.action,
      summary: entry.summary,
      before: before && JSON.stringify(before),
      after: after && JSON.stringify(after),
      undo,
    });
  }
}

function parse(json: string): PairContent {
  return JSON.parse(json) as PairContent;
}
