/**
 * @file The pairs of a project: candidates, review, edits. Every change is on the disk when its method returns, together with its
 * journal entry; a change that names an old version is refused instead of overwriting a newer one.
 */
import { createHash } from 'node:crypto';
import type {
  HistoryEntry,
  Pair,
  PairFilter,
  PairStatus,
  PairSummary,
  Phrase,
  Provenance,
} from '../contract/schemas.ts';
import type { z } from 'zod';
import type { ImportRow } from '../library/formats/format.ts';
import { SampleLibrary } from '../library/samples.ts';
import { proposePhrases } from '../negatives/differences.ts';
import { sliceCodePoints } from '../contract/text.ts';
import { UserError } from '../platform/errors.ts';
import { newId } from '../project/ids.ts';
import type { OpenProject } from '../project/project.ts';
import { lintPair } from './lints.ts';
import { Journal, type JournalEntry, type PairContent } from './journal.ts';
import {
  FROM_PAIRS,
  pairConditions,
  phrasesJson,
  phrasesOf,
  SELECT_PAIRS,
  storedLints,
  toPair,
  toSummary,
  type PairRow,
} from './rows.ts';

type Status = z.infer<typeof PairStatus>;

/** A non-preferred answer that wants review. */
export type Candidate = {
  sampleId: string;
  rejected: string;
  provenance: Provenance;
  /** @default the differences of the two answers, as proposals */
  phrases?: Phrase[];
};

/** One pair as training takes it: exactly what is stored, under its version. */
export type AcceptedPair = Pick<
  Pair,
  'id' | 'version' | 'sampleId' | 'videoId' | 'question' | 'type' | 'chosen' | 'rejected' | 'phrases'
>;

export class PairService {
  readonly #project: OpenProject;
  readonly #samples: SampleLibrary;
  readonly #journal: Journal;
  readonly #onChange: (pairId: string, version: number) => void;
  readonly #reviewer: string | undefined;

  /**
   * `onChange` is called after each change is on the disk. `reviewer` is stamped on the history instead of the project's own,
   * for changes that no person made.
   */
  constructor(
    project: OpenProject,
    onChange: (pairId: string, version: number) => void = () => undefined,
    reviewer?: string,
  ) {
    this.#project = project;
    this.#reviewer = reviewer;
    this.#samples = new SampleLibrary(project);
    this.#journal = new Journal(project.db);
    this.#onChange = onChange;
  }

  get #db(): OpenProject['db'] {
    return this.#project.db;
  }

  // ---------------------------------------------------------------------------------------------- reading

  /** One page in the order of creation, and how many there are in all. */
  list(filter: PairFilter, page: { offset: number; limit: number }): { total: number; rows: PairSummary[] } {
    const where = pairConditions(filter);
    const onlyPairs = Object.entries(filter).every(([k, v]) => v === undefined || k === 'status');
    const from = onlyPairs ? 'FROM pairs p' : FROM_PAIRS;
    const total = this.#db
      .prepare<{ n: number }>(`SELECT count(*) AS n ${from} ${where.sql}`)
      .get(...where.params)!.n;
    // The page's keys first: whole rows carry texts and marks, which only the page needs.
    const keys = `SELECT p.seq AS key ${from} ${where.sql} ORDER BY p.seq LIMIT ? OFFSET ?`;
    const rows = this.#db
      .prepare<PairRow>(`${SELECT_PAIRS} WHERE p.seq IN (SELECT key FROM (${keys})) ORDER BY p.seq`)
      .all(...where.params, page.limit, page.offset);
    return { total, rows: rows.map(toSummary) };
  }

  /** How many pairs are in each queue. */
  counts(): Record<Status, number> {
    const counts = { pending: 0, accepted: 0, rejected: 0, second_look: 0 };
    type Count = { status: Status; n: number };
    for (const row of this.#db
      .prepare<Count>('SELECT status, count(*) AS n FROM pairs GROUP BY status')
      .all())
      counts[row.status] = row.n;
    return counts;
  }

  /** @throws UserError NOT_FOUND */
  get(id: string): Pair {
    return toPair(this.#row(id), this.#journal.stacks(id));
  }

  /** Every pair of one status (or all), whole, in the order of creation. */
  *all(status?: Status): Generator<Pair> {
    const where = pairConditions({ status });
    const ids = this.#db
      .prepare<{ id: string }>(`SELECT p.id ${FROM_PAIRS} ${where.sql} ORDER BY p.seq`)
      .all(...where.params);
    for (const { id } of ids) yield this.get(id);
  }

  /** Who changed what and when, oldest first. */
  history(id: string): HistoryEntry[] {
    this.#row(id);
    return this.#journal.history(id);
  }

  /**
   * What training takes: every accepted pair without an error, as it is stored, and the accepted pairs that are left out with the
   * reason. Pairs of held-out videos are never among the first.
   */
  accepted(): { pairs: AcceptedPair[]; excluded: { pairId: string; version: number; reason: string }[] } {
    const pairs: AcceptedPair[] = [];
    const excluded: { pairId: string; version: number; reason: string }[] = [];
    const videoStates = new Map(
      this.#db
        .prepare<{ id: string; name: string; state: string }>('SELECT id, name, state FROM videos')
        .all()
        .map((v) => [v.id, v]),
    );
    for (const row of this.#db
      .prepare<PairRow>(`${SELECT_PAIRS} WHERE p.status = 'accepted' ORDER BY p.seq`)
      .all()) {
      const phrases = phrasesOf(row);
      const errors = lintPair({ ...row, phrases }).filter((lint) => lint.severity === 'error');
      const video = videoStates.get(row.video_id)!;
      const reasons = errors.map((lint) => lint.message);
      if (video.state === 'missing' || video.state === 'broken')
        reasons.push(`Its video ${video.name} is ${video.state}: see it in the Library.`);
      if (reasons.length > 0)
        excluded.push({ pairId: row.id, version: row.version, reason: reasons.join(' ') });
      else
        pairs.push({
          id: row.id,
          version: row.version,
          sampleId: row.sample_id,
          videoId: row.video_id,
          question: row.question,
          type: row.type,
          chosen: row.chosen,
          rejected: row.rejected,
          phrases,
        });
    }
    return { pairs, excluded };
  }

  // ---------------------------------------------------------------------------------------------- changing

  /** Makes a pending pair, or finds the one that this sample has with the same answer; `isNew` says which. */
  addCandidate(candidate: Candidate): { id: string; isNew: boolean } {
    const { sampleId, rejected, provenance } = candidate;
    expectUnicode(rejected);
    const origin = originHash(rejected);
    const made = this.#db.transaction(() => {
      const same = this.#db
        .prepare<{ id: string }>('SELECT id FROM pairs WHERE sample_id = ? AND origin = ?')
        .get(sampleId, origin);
      if (same) return { id: same.id, isNew: false };
      const { chosen, question, type, split } = this.#samples.get(sampleId);
      const phrases = candidate.phrases ?? proposePhrases(chosen, rejected);
      const id = newId('p');
      const now = Date.now();
      this.#db.insert('pairs', {
        id,
        sample_id: sampleId,
        chosen,
        rejected,
        phrases: phrasesJson(phrases),
        status: 'pending',
        version: 1,
        lints: JSON.stringify(storedLints({ question, type, split, chosen, rejected, phrases })),
        provenance: JSON.stringify(provenance),
        origin,
        created_at: now,
        updated_at: now,
      });
      this.#journal.note({
        pairId: id,
        version: 1,
        at: now,
        reviewer: this.#reviewer ?? this.#project.reviewer,
        action: 'created',
        summary: CREATED[provenance.kind],
      });
      return { id, isNew: true };
    });
    if (made.isNew) this.#onChange(made.id, 1);
    return made;
  }

  /** A row of an import that has a rejected answer; false when the sample has that candidate already. */
  addImported(sampleId: string, row: ImportRow & { rejected: string }): boolean {
    const provenance = row.provenance ?? {
      kind: 'imported' as const,
      original: row.rejected,
      createdAt: Date.now(),
    };
    const phrases = row.phrases ? phrasesOfRow(row.phrases, row.chosen, row.rejected) : undefined;
    return this.addCandidate({ sampleId, rejected: row.rejected, provenance, phrases }).isNew;
  }

  /** A wrong answer that a person writes. */
  create(sampleId: string, rejected: string): Pair {
    const provenance: Provenance = { kind: 'written', original: rejected, createdAt: Date.now() };
    return this.get(this.addCandidate({ sampleId, rejected, provenance }).id);
  }

  /**
   * Saves texts and marks. A save that changes nothing gives the pair back as it is.
   * @throws UserError CONFLICT when `baseVersion` is not the stored version.
   */
  save(input: {
    pairId: string;
    baseVersion: number;
    chosen: string;
    rejected: string;
    phrases: Phrase[];
  }): Pair {
    const { pairId, baseVersion, chosen, rejected, phrases } = input;
    expectUnicode(chosen, rejected);
    return this.#change(pairId, (row, before) => {
      if (row.version !== baseVersion)
        throw new UserError(
          'CONFLICT',
          `pair: expected an edit of version ${row.version}, got one of version ${baseVersion}: it was changed in the meantime`,
          'Reload the pair and make the change again; both versions are in its history.',
        );
      const after = { ...before, chosen, rejected, phrases };
      const changes: string[] = [];
      if (before.chosen !== chosen) changes.push('preferred answer');
      if (before.rejected !== rejected) changes.push('non-preferred answer');
      const action = changes.length > 0 ? 'text' : 'phrases';
      if (phrasesJson(before.phrases) !== phrasesJson(phrases))
        changes.push(phrases.length === 1 ? '1 phrase' : `${phrases.length} phrases`);
      return changes.length === 0 ? null : { action, after, summary: changes.join(', ') };
    });
  }

  /** Moves pairs to a queue, all or none. */
  setStatus(pairIds: readonly string[], status: Status): PairSummary[] {
    const changed = this.#db.transaction(() =>
      pairIds.map((id) =>
        this.#apply(id, (_, before) =>
          before.status === status
            ? null
            : {
                action: 'status',
                after: { ...before, status },
                summary: `${LABELS[before.status]} -> ${LABELS[status]}`,
              },
        ),
      ),
    );
    for (const { row, changed: isChanged } of changed) if (isChanged) this.#onChange(row.id, row.version);
    return changed.map(({ row }) => toSummary(row));
  }

  /** Takes back the last edit of text, marks or status. @throws UserError BAD_INPUT when there is none */
  undo(id: string): Pair {
    return this.#step(id, 'undo');
  }

  /** Makes the last undone edit again. @throws UserError BAD_INPUT when there is none */
  redo(id: string): Pair {
    return this.#step(id, 'redo');
  }

  #step(id: string, action: 'undo' | 'redo'): Pair {
    return this.#change(id, () => {
      const step = action === 'undo' ? this.#journal.lastDone(id) : this.#journal.firstUndone(id);
      if (!step) throw new UserError('BAD_INPUT', `pair: expected something to ${action}, got nothing`, '');
      this.#journal.mark(step, action === 'undo' ? 'undone' : 'done');
      return { action, after: step.content, summary: step.summary };
    });
  }

  #change(id: string, make: Make): Pair {
    const { row, changed } = this.#db.transaction(() => this.#apply(id, make));
    if (changed) this.#onChange(id, row.version);
    return toPair(row, this.#journal.stacks(id));
  }

  /** One change with its journal entry, inside a transaction. */
  #apply(id: string, make: Make): { row: PairRow; changed: boolean } {
    const row = this.#row(id);
    const before: PairContent = {
      chosen: row.chosen,
      rejected: row.rejected,
      phrases: phrasesOf(row),
      status: row.status,
    };
    const change = make(row, before);
    if (!change) return { row, changed: false };
    const { after, action, summary } = change;
    const next: PairRow = {
      ...row,
      ...after,
      phrases: phrasesJson(after.phrases),
      lints: JSON.stringify(storedLints({ ...row, ...after })),
      version: row.version + 1,
      updated_at: Date.now(),
    };
    const texts = after.chosen !== before.chosen || after.rejected !== before.rejected;
    this.#db.update('pairs', id, {
      // Untouched texts stay out of the statement, so that the search index is not written for a status.
      ...(texts ? { chosen: next.chosen, rejected: next.rejected } : {}),
      phrases: next.phrases,
      status: next.status,
      lints: next.lints,
      version: next.version,
      updated_at: next.updated_at,
    });
    const entry: JournalEntry = {
      pairId: id,
      version: next.version,
      at: next.updated_at,
      reviewer: this.#reviewer ?? this.#project.reviewer,
      action,
      summary,
    };
    if (action === 'undo' || action === 'redo') this.#journal.note(entry);
    else this.#journal.edit(entry, before, after);
    return { row: next, changed: true };
  }

  #row(id: string): PairRow {
    const row = this.#db.prepare<PairRow>(`${SELECT_PAIRS} WHERE p.id = ?`).get(id);
    if (!row)
      throw new UserError('NOT_FOUND', `pair: expected one of this project, got the unknown id ${id}`, '');
    return row;
  }
}

/** Decides about one change: what it is, or null when there is nothing to change. */
type Make = (
  row: PairRow,
  before: PairContent,
) => { action: Exclude<JournalEntry['action'], 'created'>; after: PairContent; summary: string } | null;

const LABELS: Record<Status, string> = {
  pending: 'pending',
  accepted: 'accepted',
  rejected: 'rejected',
  second_look: 'second look',
};

const CREATED: Record<Provenance['kind'], string> = {
  imported: 'imported',
  generated: 'generated by the model on a perturbed video',
  written: 'written by hand',
  'model-answer': "taken from a model's answer",
};

/** Half a character cannot be stored as UTF-8: it would come back as another one, under marks that no longer fit. */
function expectUnicode(...texts: string[]): void {
  const bad = texts.find((text) => !text.isWellFormed());
  if (bad === undefined) return;
  throw new UserError(
    'BAD_INPUT',
    `pair: expected Unicode text, got half a character (an unpaired surrogate) in "${bad.toWellFormed()}"`,
    'Delete that character and type it again.',
  );
}

function originHash(rejected: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(rejected).digest().subarray(0, 16));
}

/** A row's marks as phrases: whole ones as they are, spans paired by their order. */
function phrasesOfRow(marks: NonNullable<ImportRow['phrases']>, chosen: string, rejected: string): Phrase[] {
  if ('phrases' in marks) return marks.phrases;
  const span = (text: string, at: { start: number; end: number } | undefined): Phrase['chosen'] =>
    at ? { start: at.start, end: at.end, quote: sliceCodePoints(text, at.start, at.end) } : null;
  return Array.from({ length: Math.max(marks.chosen.length, marks.rejected.length) }, (_, k) => ({
    id: `t-${k + 1}`,
    number: k + 1,
    chosen: span(chosen, marks.chosen[k]),
    rejected: span(rejected, marks.rejected[k]),
    origin: 'proposed',
  }));
}
