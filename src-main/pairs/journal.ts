/**
 * @file The journal of pairs: every change with what was before and after it. It gives history, and undo and redo across text,
 * marks and status that survive a restart, because the stacks are rows and nothing else.
 */
import type { Change, HistoryEntry, Phrase } from '../contract/schemas.ts';
import type { Database } from '../project/sqlite.ts';
import type { PairContent } from './reviews.ts';

/** A change to be recorded. `at` in milliseconds; `version` is the pair's after the change. */
export type JournalEntry = {
  pairId: string;
  version: number;
  at: number;
  reviewer: string;
  action: 'created' | 'text' | 'phrases' | 'status' | 'undo' | 'redo' | 'own';
  summary: string;
  /** The bulk change that this is a part of. */
  bulk?: string;
};

/** Milliseconds without a key after which typing that follows is undone by itself. */
export const TYPING_PAUSE = 500;
/** The same for the history, which a person reads: a minute. */
const SHOWN_PAUSE = 60_000;

type Row = {
  seq: number;
  at: number;
  reviewer: string;
  action: string;
  summary: string;
  bulk: string | null;
};
/** What one undo or redo takes: entries of the journal, the content it leads to, and what it is called. */
type Step = { seqs: number[]; content: PairContent; summary: string; bulk: string | null };

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
  note(entry: JournalEntry, before: PairContent | null = null, after: PairContent | null = null): void {
    this.#insert(entry, 'none', before, after);
  }

  /** Ends undo and redo of what has happened so far: it is another reviewer's. */
  close(pairId: string): void {
    this.#db
      .prepare(`UPDATE journal SET undo = 'dropped' WHERE pair_id = ? AND undo IN ('done', 'undone')`)
      .run(pairId);
  }

  /** What the pair was before anybody touched it; null when nobody has. */
  original(pairId: string): PairContent | null {
    const first = this.#db
      .prepare<{ before: string }>(
        'SELECT before FROM journal WHERE pair_id = ? AND before IS NOT NULL ORDER BY seq LIMIT 1',
      )
      .get(pairId);
    return first ? parse(first.before) : null;
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
        `SELECT seq, at, reviewer, action, summary, bulk FROM journal WHERE pair_id = ? AND undo = ? ORDER BY seq ${order}`,
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
    return { seqs, content: parse(content), summary: last.summary, bulk: last.bulk };
  }

  /** Moves a step between the two stacks. */
  mark(step: Pick<Step, 'seqs'>, undo: 'done' | 'undone'): void {
    const statement = this.#db.prepare('UPDATE journal SET undo = ? WHERE seq = ?');
    for (const seq of step.seqs) statement.run(undo, seq);
  }

  /** Whether there is anything to undo and to redo. */
  stacks(pairId: string): { canUndo: boolean; canRedo: boolean } {
    // Not DISTINCT, which would go over all edits of the pair.
    const any = this.#db.prepare('SELECT 1 FROM journal WHERE pair_id = ? AND undo = ? LIMIT 1');
    const has = (undo: 'done' | 'undone'): boolean => any.get(pairId, undo) !== undefined;
    return { canUndo: has('done'), canRedo: has('undone') };
  }

  /** Who changed what and when, oldest first. Typing in one go is one entry. */
  history(pairId: string): HistoryEntry[] {
    type Entry = Omit<HistoryEntry, 'saves' | 'changes'> & { before: string | null; after: string | null };
    const entries: HistoryEntry[] = [];
    let open: { row: Entry; before: string | null } | null = null;
    for (const row of this.#db
      .prepare<Entry>(
        'SELECT at, reviewer, action, summary, version, before, after FROM journal WHERE pair_id = ? ORDER BY seq',
      )
      .all(pairId)) {
      const goesOn: boolean =
        open !== null &&
        row.action === 'text' &&
        open.row.action === 'text' &&
        open.row.summary === row.summary &&
        open.row.reviewer === row.reviewer &&
        Math.abs(row.at - open.row.at) <= SHOWN_PAUSE;
      const before: string | null = goesOn ? open!.before : row.before;
      const saves = goesOn ? entries.pop()!.saves + 1 : 1;
      const { at, reviewer, action, summary, version } = row;
      const changes = before !== null && row.after !== null ? changesOf(parse(before), parse(row.after)) : [];
      entries.push({ at, reviewer, action, summary, version, saves, changes });
      open = { row, before };
    }
    return entries;
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
      bulk: entry.bulk ?? null,
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

/** The parts that differ, in the order a person reads them. */
function changesOf(before: PairContent, after: PairContent): Change[] {
  const parts: Change[] = [
    { part: 'status', before: before.status, after: after.status },
    { part: 'chosen', before: before.chosen, after: after.chosen },
    { part: 'rejected', before: before.rejected, after: after.rejected },
    { part: 'phrases', before: phraseLines(before.phrases), after: phraseLines(after.phrases) },
  ];
  return parts.filter((change) => change.before !== change.after);
}

/** One line a phrase: its number, the words on both sides, and whether a person has confirmed it. */
function phraseLines(phrases: readonly Phrase[]): string {
  return [...phrases]
    .sort((a, b) => a.number - b.number)
    .map(({ number, chosen, rejected, origin }) => {
      const words = (span: Phrase['chosen']): string => (span ? `“${span.quote}”` : 'nothing');
      return `${number}: ${words(chosen)} / ${words(rejected)}${origin === 'proposed' ? ', proposed' : ''}`;
    })
    .join('\n');
}
