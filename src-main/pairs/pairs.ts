/**
 * @file The pairs of a project: candidates, review, edits. Every change is on the disk when its method returns, together with its
 * journal entry; a change that names an old version is refused instead of overwriting a newer one.
 */
import type {
  BulkAction,
  HistoryEntry,
  Pair,
  PairFacets,
  PairFilter,
  PairSelection,
  PairStatus,
  PairSummary,
  Phrase,
  Provenance,
  Review,
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
import { agreed, confirmed, contentOf, edited, moved, type Make } from './changes.ts';
import { Journal, type JournalEntry } from './journal.ts';
import { countsOf, facetsOf, idsOf, pageOf } from './queues.ts';
import { Reviews } from './reviews.ts';
import {
  familyOfPair,
  originHash,
  pairConditions,
  phrasesJson,
  phrasesOf,
  SELECT_PAIRS,
  sourceKey,
  storedKinds,
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
  /** Its row's id and form, where its sample was made of another row. */
  origin?: Pick<ImportRow, 'externalId' | 'extra'>;
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
  readonly #reviews: Reviews;
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
    this.#reviews = new Reviews(project.db);
    this.#onChange = onChange;
  }

  get #db(): OpenProject['db'] {
    return this.#project.db;
  }

  /** Who is stamped on the history. */
  get #me(): string {
    return this.#reviewer ?? this.#project.reviewer;
  }

  /** The reviewer whose own versions are all that is seen, or null where everybody sees the pair's. */
  get #own(): string | null {
    return this.#project.independent && this.#reviewer === undefined ? this.#project.reviewer : null;
  }

  // ---------------------------------------------------------------------------------------------- reading

  /** One page in the order of creation, and how many there are in all. */
  list(filter: PairFilter, page: { offset: number; limit: number }): { total: number; rows: PairSummary[] } {
    const { total, rows } = pageOf(this.#db, filter, this.#own, page);
    return { total, rows: rows.map((row) => toSummary(this.#version(row))) };
  }

  /** The ids of a selection, in the order of creation. */
  ids(selection: PairSelection): string[] {
    return idsOf(this.#db, selection, this.#own);
  }

  /** How many pairs are in each queue. */
  counts(): Record<Status, number> {
    return countsOf(this.#db, this.#own);
  }

  /** What the filters of one queue (or all) can be set to, the most frequent first. */
  facets(queue?: Status): PairFacets {
    return facetsOf(this.#db, queue, this.#own);
  }

  /** @throws UserError NOT_FOUND */
  get(id: string): Pair {
    const row = this.#row(id);
    const version = this.#version(row);
    return toPair(version, version === row ? this.#journal.stacks(id) : { canUndo: false, canRedo: false });
  }

  /** Every pair of one status (or all) as it is stored, whole, in the order of creation. */
  *all(status?: Status): Generator<Pair> {
    const where = pairConditions({ status });
    const ids = this.#db
      .prepare<{ id: string }>(`SELECT p.id FROM pairs p ${where.sql} ORDER BY p.seq`)
      .all(...where.params);
    for (const { id } of ids) yield this.stored(id);
  }

  /** A pair as it is stored, whoever asks. @throws UserError NOT_FOUND */
  stored(id: string): Pair {
    return toPair(this.#row(id), this.#journal.stacks(id));
  }

  /** The id and the form of the row that only this pair came from, as stored; null where its sample has them. */
  origin(id: string): { externalId: string | null; extra: string } | null {
    type Row = { externalId: string | null; extra: string };
    return (
      this.#db
        .prepare<Row>('SELECT external_id AS externalId, extra FROM pairs WHERE id = ? AND extra IS NOT NULL')
        .get(id) ?? null
    );
  }

  /** Who changed what and when, oldest first. Where reviewers work independently, others' changes come after one's own decision. */
  history(id: string): HistoryEntry[] {
    const hidden = this.reviews(id).hidden;
    return this.#journal
      .history(id)
      .filter((entry) => !hidden || entry.action === 'created' || entry.reviewer === this.#me);
  }

  /** Everybody's versions of a pair; only one's own (`hidden`) before one's own decision where reviewers work independently. */
  reviews(id: string): { hidden: boolean; reviews: Review[] } {
    const all = this.#reviews.of(this.#row(id).seq);
    const mine = all.filter((review) => review.reviewer === this.#me);
    const hidden = this.#own !== null && mine.every((review) => review.status === 'pending');
    return { hidden, reviews: hidden ? mine : all };
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
      const { chosen, question, type, split, videoId, source } = this.#samples.get(sampleId);
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
        video_id: videoId,
        type,
        source: sourceKey(provenance, source),
        family: familyOfPair(provenance),
        kinds: storedKinds(phrases),
        origin,
        external_id: candidate.origin?.externalId,
        extra: candidate.origin && JSON.stringify(candidate.origin.extra),
        created_at: now,
        updated_at: now,
      });
      this.#journal.note({
        pairId: id,
        version: 1,
        at: now,
        reviewer: this.#me,
        action: 'created',
        summary: CREATED[provenance.kind],
      });
      return { id, isNew: true };
    });
    if (made.isNew) this.#onChange(made.id, 1);
    return made;
  }

  /**
   * A row of an import that has a rejected answer; false when the sample has that candidate already. `isNew`: the sample was made of
   * this row and carries its id and form.
   */
  addImported(sampleId: string, row: ImportRow & { rejected: string }, isNew = true): boolean {
    const provenance = row.provenance ?? {
      kind: 'imported' as const,
      original: row.rejected,
      createdAt: Date.now(),
    };
    const phrases = row.phrases ? phrasesOfRow(row.phrases, row.chosen, row.rejected) : undefined;
    const origin = isNew ? undefined : row;
    return this.addCandidate({ sampleId, rejected: row.rejected, provenance, phrases, origin }).isNew;
  }

  /** A wrong answer that a person writes. */
  create(sampleId: string, rejected: string): Pair {
    const provenance: Provenance = { kind: 'written', original: rejected, createdAt: Date.now() };
    return this.get(this.addCandidate({ sampleId, rejected, provenance }).id);
  }

  /**
   * Takes a pair away that is as it was made: to make a candidate is one key, and so is taking that back.
   * @throws UserError CONFLICT when somebody has touched it, or when it is not a model's answer that a person chose
   */
  withdraw(id: string): void {
    this.#db.transaction(() => {
      const { version, holder, provenance } = this.#row(id);
      const { kind } = JSON.parse(provenance) as Provenance;
      if (version !== 1 || holder !== null || kind !== 'model-answer')
        throw new UserError(
          'CONFLICT',
          `pair: expected an untouched candidate from Compare, got ${kind === 'model-answer' ? 'one that was worked on since' : `one that is ${kind}`}`,
          'Reject it in Review instead.',
        );
      this.#db.prepare('UPDATE attempts SET pair_id = NULL WHERE pair_id = ?').run(id);
      this.#db.prepare('DELETE FROM pairs WHERE id = ?').run(id);
    });
  }

  /**
   * Whether a machine may still rewrite a pair: it is pending, of a model's open answer, and neither a person nor a rewriting has been at
   * it.
   */
  isForRewriting(id: string): boolean {
    const { type, status, holder, provenance } = this.#row(id);
    const { kind, rewrite } = JSON.parse(provenance) as Provenance;
    const isModels = kind === 'generated' || kind === 'model-answer';
    return (
      type === 'open_ended' && status === 'pending' && holder === null && isModels && rewrite === undefined
    );
  }

  /**
   * Puts a rewritten answer, with its differences as proposals, in the place of the one that came; without a text (there are no differences)
   * the pair waits for a second look. Either way its provenance says so.
   */
  rewrite(id: string, rewrite: NonNullable<Provenance['rewrite']>): void {
    const { text } = rewrite;
    this.#db.transaction(() => {
      const { version, chosen, provenance } = this.#row(id);
      const noted = { ...(JSON.parse(provenance) as Provenance), rewrite };
      this.#db.update('pairs', id, { provenance: JSON.stringify(noted) });
      if (text === null) this.setStatus([id], 'second_look');
      else {
        const phrases = proposePhrases(chosen, text);
        this.save({ pairId: id, baseVersion: version, chosen, rejected: text, phrases });
      }
    });
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
    /** The person chose this over a newer version. */
    over?: boolean;
  }): Pair {
    const { pairId, baseVersion, chosen, rejected, phrases, over = false } = input;
    expectUnicode(chosen, rejected);
    return this.#change(pairId, (row, before) => {
      if (row.version !== baseVersion)
        throw new UserError(
          'CONFLICT',
          `pair: expected an edit of version ${row.version}, got one of version ${baseVersion}: it was changed in the meantime`,
          'Reload the pair and make the change again; both versions are in its history.',
        );
      return edited(before, { chosen, rejected, phrases }, over);
    });
  }

  /** Moves pairs to a queue, all or none. To decide as somebody else has is a decision, too. */
  setStatus(pairIds: readonly string[], status: Status): PairSummary[] {
    const isNewDecision = ({ seq }: PairRow): boolean =>
      this.#reviewer === undefined && this.#reviews.get(seq, this.#me)?.status !== status;
    const changed = this.#db.transaction(() =>
      pairIds.map((id) =>
        this.#apply(
          id,
          (row, before) => moved(before, status) ?? (isNewDecision(row) ? agreed(before) : null),
        ),
      ),
    );
    for (const { row, changed: isChanged } of changed) if (isChanged) this.#onChange(row.id, row.version);
    return changed.map(({ row }) => toSummary(row));
  }

  /** A part of a bulk change: these pairs, in one transaction. Returns how many it changed; `onChange` is not called. */
  bulkStep(pairIds: readonly string[], action: BulkAction, bulk: string): number {
    const make: Make = (_, before) =>
      action === 'confirm' ? confirmed(before) : moved(before, action.status);
    return this.#db.transaction(() => pairIds.filter((id) => this.#apply(id, make, bulk).changed).length);
  }

  /** Takes back a part of a bulk change, on those of these pairs that have not been changed since; returns how many. */
  undoBulkStep(pairIds: readonly string[], bulk: string): number {
    return this.#db.transaction(
      () =>
        pairIds.filter((id) => {
          const step = this.#journal.lastDone(id);
          if (step?.bulk !== bulk) return false;
          return this.#apply(id, () => {
            this.#journal.mark(step, 'undone');
            return { action: 'undo', after: step.content, summary: step.summary };
          }).changed;
        }).length,
    );
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
    return this.#change(id, (row) => {
      const step = action === 'undo' ? this.#journal.lastDone(id) : this.#journal.firstUndone(id);
      if (!step || this.#isOthers(row))
        throw new UserError('BAD_INPUT', `pair: expected something to ${action}, got nothing`, '');
      this.#journal.mark(step, action === 'undo' ? 'undone' : 'done');
      return { action, after: step.content, summary: step.summary };
    });
  }

  #change(id: string, make: Make): Pair {
    const { row, changed } = this.#db.transaction(() => this.#apply(id, make));
    if (changed) this.#onChange(id, row.version);
    return toPair(row, this.#journal.stacks(id));
  }

  /** Does the row hold somebody else's version, which this reviewer is not to see? */
  #isOthers(row: PairRow): boolean {
    return this.#own !== null && row.holder !== null && row.holder !== this.#own;
  }

  /**
   * The row as this reviewer may see it: as it is, or, where reviewers work independently and somebody else's version is in it, with
   * this reviewer's own version in its place; that begins as the pair was before anybody touched it.
   */
  #version(row: PairRow): PairRow {
    if (!this.#isOthers(row)) return row;
    const content = this.#reviews.get(row.seq, this.#me) ?? {
      ...(this.#journal.original(row.id) ?? contentOf(row)),
      status: 'pending' as const,
    };
    const { chosen, rejected, phrases, status } = content;
    return {
      ...row,
      chosen,
      rejected,
      status,
      phrases: phrasesJson(phrases),
      lints: JSON.stringify(storedLints({ ...row, chosen, rejected, phrases })),
    };
  }

  /** One change with its journal entry and the reviewer's own version, inside a transaction. */
  #apply(id: string, make: Make, bulk?: string): { row: PairRow; changed: boolean } {
    const stored = this.#row(id);
    const row = this.#version(stored);
    const before = contentOf(row);
    const change = make(stored, before);
    if (!change) return { row, changed: false };
    const { after, action, summary, agrees = false } = change;
    const person = this.#reviewer === undefined;
    const next: PairRow = {
      ...row,
      ...after,
      phrases: phrasesJson(after.phrases),
      lints: JSON.stringify(storedLints({ ...row, ...after })),
      version: row.version + 1,
      updated_at: Date.now(),
      holder: person ? this.#me : row.holder,
    };
    const texts = after.chosen !== stored.chosen || after.rejected !== stored.rejected;
    this.#db.update('pairs', id, {
      // Untouched texts stay out of the statement, so that the search index is not written for a status.
      ...(texts ? { chosen: next.chosen, rejected: next.rejected } : {}),
      phrases: next.phrases,
      kinds: storedKinds(after.phrases),
      status: next.status,
      lints: next.lints,
      version: next.version,
      updated_at: next.updated_at,
      holder: next.holder,
    });
    const entry: JournalEntry = {
      pairId: id,
      version: next.version,
      at: next.updated_at,
      reviewer: this.#me,
      action,
      summary,
      bulk,
    };
    if (row !== stored) {
      // The other's version is kept among the reviews; undo must not lead back into it.
      this.#journal.close(id);
      this.#journal.note({ ...entry, version: row.version, action: 'own', summary: 'began an own version' });
    }
    if (action === 'undo' || action === 'redo' || agrees) this.#journal.note(entry, before, after);
    else this.#journal.edit(entry, before, after);
    if (person)
      this.#reviews.put(row.seq, this.#me, after, next.updated_at, agrees || after.status !== before.status);
    return { row: next, changed: true };
  }

  #row(id: string): PairRow {
    const row = this.#db.prepare<PairRow>(`${SELECT_PAIRS} WHERE p.id = ?`).get(id);
    if (!row)
      throw new UserError('NOT_FOUND', `pair: expected one of this project, got the unknown id ${id}`, '');
    return row;
  }
}

const CREATED: Record<Provenance['kind'], string> = {
  imported: 'imported',
  generated: 'generated by the model on a perturbed video',
  written: 'written by hand',
  swapped: 'a concept swapped in the preferred answer',
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
