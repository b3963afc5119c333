/** @file What a change of a pair makes of it and what it is called in the history; null where it changes nothing. No storage here. */
import type { PairStatus } from '../contract/schemas.ts';
import type { z } from 'zod';
import type { JournalEntry } from './journal.ts';
import type { PairContent } from './reviews.ts';
import { phrasesJson, phrasesOf, type PairRow } from './rows.ts';

type Status = z.infer<typeof PairStatus>;

const LABELS: Record<Status, string> = {
  pending: 'pending',
  accepted: 'accepted',
  rejected: 'rejected',
  second_look: 'second look',
};

/** Decides about one change of the stored row, seen as `before`: what it is, or null when there is nothing to change. */
export type Make = (
  row: PairRow,
  before: PairContent,
) => {
  action: Exclude<JournalEntry['action'], 'created' | 'own'>;
  after: PairContent;
  summary: string;
  /** Nothing changes but who has decided so. */
  agrees?: boolean;
} | null;

/** What of a row can be edited. */
export function contentOf(row: PairRow): PairContent {
  return { chosen: row.chosen, rejected: row.rejected, phrases: phrasesOf(row), status: row.status };
}

/** Other texts or marks. `over`: the person chose this over a newer version. */
export function edited(
  before: PairContent,
  { chosen, rejected, phrases }: Pick<PairContent, 'chosen' | 'rejected' | 'phrases'>,
  over: boolean,
): ReturnType<Make> {
  const after = { ...before, chosen, rejected, phrases };
  const changes: string[] = [];
  if (before.chosen !== chosen) changes.push('preferred answer');
  if (before.rejected !== rejected) changes.push('non-preferred answer');
  const action = changes.length > 0 ? 'text' : 'phrases';
  if (phrasesJson(before.phrases) !== phrasesJson(phrases))
    changes.push(phrases.length === 1 ? '1 phrase' : `${phrases.length} phrases`);
  if (changes.length === 0) return null;
  return { action, after, summary: changes.join(', ') + (over ? ', over another version' : '') };
}

/** A move to another queue. */
export function moved(before: PairContent, status: Status): ReturnType<Make> {
  if (before.status === status) return null;
  const summary = `${LABELS[before.status]} -> ${LABELS[status]}`;
  return { action: 'status', after: { ...before, status }, summary };
}

/** The decision that somebody else has made, made by this reviewer as well. To be pending is none. */
export function agreed(before: PairContent): ReturnType<Make> {
  if (before.status === 'pending') return null;
  return { action: 'status', after: before, summary: `${LABELS[before.status]}, as it was`, agrees: true };
}

/** Every proposed phrase as the person's own. */
export function confirmed(before: PairContent): ReturnType<Make> {
  const open = before.phrases.filter((phrase) => phrase.origin === 'proposed').length;
  if (open === 0) return null;
  return {
    action: 'phrases',
    after: { ...before, phrases: before.phrases.map((phrase) => ({ ...phrase, origin: 'person' })) },
    summary: open === 1 ? '1 proposal confirmed' : `${open} proposals confirmed`,
  };
}
