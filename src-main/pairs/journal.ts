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

/** Milliseconds without a key after which typing that follows is undone by itself. */
export const TYPING_PAUSE = 500;

type Row = { seq: number; at: number; reviewer: string; action: string; summary: string };
/** What one undo or redo takes: entries of the journal, the content it leads to, and what it is called. */
type Step = { seqs: number[]; content: PairContent; summary: string };

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

  /** The last step that is in force, with the content before it. */
  lastDone(pairId: string): Step | null {
    return this.#step(pairId, 'done', 'DESC', 'before');
  }

  /** The first step that was undone, with the content after it. */
  firstUndone(pairId: string): Step | null {
    return this.#step(pairId, 'undone', 'ASC', 'after');
  }

  /**
   * The step at one end of a stack: one edit, or the typing around it. Which edits belong together follows from neighbours
   * alone, so that redo takes the same steps that undo took.
   */
  #step(
    pairId: string,
    undo: 'done' | 'undone',
    order: 'ASC' | 'DESC',
    side: 'before' | 'after',
  ): Step | null {
    const rows = this.#db
      .prepare<Row>(
        `SELECT seq, at, reviewer, action, summary FROM journal WHERE pair_id = ? AND undo = ? ORDER BY seq ${order}`,
      )
      .all(pairId, undo);
    const seqs: number[] = [];
    let last: Row | undefined;
    for (const row of rows) {
      if (last && !(order === 'DESC' ? isOneTyping(row, last) : isOneTyping(last, row))) break;
      seqs.push(row.seq);
      last = row;
    }
    if (!last) return null;
    const { content } = this.#db
      .prepare<{ content: string }>(`SELECT ${side} AS content FROM journal WHERE seq = ?`)
      .get(last.seq)!;
    return { seqs, content: parse(content), summary: last.summary };
  }

  /** Moves a step between the two stacks. */
  mark(step: Pick<Step, 'seqs'>, undo: 'done' | 'undone'): void {
    const statement = this.#db.prepare('UPDATE journal SET undo = ? WHERE seq = ?');
    for (const seq of step.seqs) statement.run(undo, seq);
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

/** Is `next` typing that goes on from `row`, without a pause, in the same place, by the same person? */
function isOneTyping(row: Row, next: Row): boolean {
  const pause = next.at - row.at;
  return (
    row.action === 'text' &&
    next.action === 'text' &&
    row.summary === next.summary &&
    row.reviewer === next.reviewer &&
    // A clock that was set back ends a step.
    pause >= 0 &&
    pause < TYPING_PAUSE
  );
}

function parse(json: string): PairContent {
  return JSON.parse(json) as PairContent;
}
