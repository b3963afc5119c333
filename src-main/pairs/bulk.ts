/**
 * @file One change to many pairs, in short transactions with room for other work between them, and undone as a whole. Each pair has its
 * own journal entry, so a bulk change that was cut short (cancel, crash) is exactly the pairs it had reached, and is undone like one
 * that was not.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Bulk, BulkAction, BulkReport, BulkUndoReport, PairSelection } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { newId } from '../project/ids.ts';
import type { OpenProject } from '../project/project.ts';
import type { PairService } from './pairs.ts';

/** Pairs in one transaction: some 10 ms, so that a keystroke's save beside it stays far below its 100 ms. */
const STEP = 100;

/** How a bulk change is followed. */
export type BulkContext = {
  signal?: AbortSignal;
  /** So many of so many pairs are done and on the disk. */
  onStep?: (done: number, total: number) => void;
};

/** What a bulk change is called in lists: "accept", "confirm proposals". */
export function bulkName(action: BulkAction): string {
  if (action === 'confirm') return 'Confirm proposals';
  return { accepted: 'Accept', rejected: 'Reject', second_look: 'Second look', pending: 'Back to pending' }[
    action.status
  ];
}

/** Changes every pair of the selection. @throws UserError CANCELLED, keeping what is done. */
export async function runBulk(
  project: OpenProject,
  pairs: PairService,
  request: { selection: PairSelection; action: BulkAction },
  context: BulkContext = {},
): Promise<BulkReport> {
  const ids = pairs.ids(request.selection);
  const bulkId = newId('b');
  const { db } = project;
  db.insert('bulks', {
    id: bulkId,
    at: Date.now(),
    reviewer: project.reviewer,
    summary: bulkName(request.action),
    changed: 0,
  });
  let changed = 0;
  await inSteps(ids, context, (part) =>
    db.transaction(() => {
      changed += pairs.bulkStep(part, request.action, bulkId);
      db.update('bulks', bulkId, { changed });
    }),
  );
  return { bulkId, changed, unchanged: ids.length - changed };
}

/** Takes a bulk change back. Pairs that were changed after it are left as they are. @throws UserError NOT_FOUND, CANCELLED */
export async function undoBulk(
  project: OpenProject,
  pairs: PairService,
  bulkId: string,
  context: BulkContext = {},
): Promise<BulkUndoReport> {
  const { db } = project;
  const known = db.prepare('SELECT 1 FROM bulks WHERE id = ?').get(bulkId);
  if (!known)
    throw new UserError('NOT_FOUND', `bulk: expected a change of this project, got the unknown id ${bulkId}`);
  const ids = db
    .prepare<{ id: string }>(
      `SELECT pair_id AS id FROM journal WHERE bulk = ? AND undo = 'done' ORDER BY seq`,
    )
    .all(bulkId)
    .map((row) => row.id);
  let undone = 0;
  await inSteps(ids, context, (part) => (undone += pairs.undoBulkStep(part, bulkId)));
  db.update('bulks', bulkId, { undone: 1 });
  return { undone, kept: ids.length - undone };
}

/** The latest bulk change that changed anything and was not taken back. */
export function lastBulk(project: OpenProject): Bulk | null {
  const row = project.db
    .prepare<Bulk & { undone: number }>('SELECT * FROM bulks WHERE changed > 0 ORDER BY rowid DESC LIMIT 1')
    .get();
  if (!row || row.undone) return null;
  const { id, at, reviewer, summary, changed } = row;
  return { id, at, reviewer, summary, changed };
}

async function inSteps(
  ids: readonly string[],
  { signal, onStep }: BulkContext,
  work: (part: string[]) => void,
): Promise<void> {
  for (let at = 0; at < ids.length; at += STEP) {
    if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    work(ids.slice(at, at + STEP));
    onStep?.(Math.min(ids.length, at + STEP), ids.length);
    await breathe();
  }
}
