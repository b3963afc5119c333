/** @file The samples of a project: a video, a question, a preferred answer. Search, filter and paging over many of them. */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Sample, SampleFilter, SampleSort } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import type { Extra } from './formats/form.ts';
import { newId } from '../project/ids.ts';
import type { OpenProject } from '../project/project.ts';
import { indexWaiting, searchCondition, whereAll, type Condition } from './search.ts';

/** What a sample is before it has an id. `videoId` exists. */
export type NewSample = {
  videoId: string;
  question: string;
  type: Sample['type'];
  chosen: string;
  source: string;
  /** The row's id in the file that it came from. */
  externalId?: string | null;
  /** What its format carries and the workbench does not use. */
  extra?: Extra;
};

/** A sample with what only exports need. */
export type SampleRecord = Sample & { externalId: string | null; extra: Extra };

/** What finds a sample and its video. `seq` grows in the order of adding. */
export type SampleKey = { seq: number; id: string; videoId: string };

/** Keys that are read in one go. */
const STRETCH = 2000;

type SampleRow = {
  id: string;
  video_id: string;
  video_name: string;
  question: string;
  type: Sample['type'];
  chosen: string;
  source: string;
  external_id: string | null;
  extra: string;
  split: Sample['split'];
  pair_count: number;
};

const COLUMNS = `s.id, s.video_id, v.name AS video_name, s.question, s.type, s.chosen, s.source, s.external_id, s.extra,
  v.split, (SELECT count(*) FROM pairs p WHERE p.sample_id = s.id) AS pair_count`;
const FROM = 'FROM samples s JOIN videos v ON v.id = s.video_id';
const KEYS = `SELECT s.seq, s.id, s.video_id AS videoId ${FROM}`;

const SORTS: Record<SampleSort['by'], string> = {
  added: 's.seq',
  video: 'v.name',
  question: 's.question',
  type: 's.type',
  split: 'v.split',
};

/** What makes two samples one: the video, the question and the preferred answer. 16 bytes. */
export function sampleFingerprint(videoId: string, question: string, chosen: string): Uint8Array {
  const hash = createHash('sha256')
    .update(JSON.stringify([videoId, question, chosen]))
    .digest();
  return new Uint8Array(hash.subarray(0, 16));
}

export class SampleLibrary {
  readonly #project: OpenProject;

  constructor(project: OpenProject) {
    this.#project = project;
  }

  get #db(): OpenProject['db'] {
    return this.#project.db;
  }

  /** One page, and how many there are in all. */
  list(
    filter: SampleFilter,
    page: { offset: number; limit: number },
    sort: SampleSort = { by: 'added', descending: false },
  ): { total: number; rows: Sample[] } {
    if (filter.text) indexWaiting(this.#db, 'samples');
    const where = conditions(filter);
    // Without a filter on the video's columns the join is not needed to count.
    const from = filter.split === undefined ? 'FROM samples s' : FROM;
    const total = this.#db
      .prepare<{ n: number }>(`SELECT count(*) AS n ${from} ${where.sql}`)
      .get(...where.params)!.n;
    const direction = sort.descending ? 'DESC' : 'ASC';
    const order = `${SORTS[sort.by]} ${direction}, s.seq ${direction}`;
    // The page's keys first: sorting whole rows with their counts would cost a hundred times the page.
    const keysFrom = filter.split === undefined && !SORTS[sort.by].startsWith('v.') ? 'FROM samples s' : FROM;
    const keys = `SELECT s.seq AS key ${keysFrom} ${where.sql} ORDER BY ${order} LIMIT ? OFFSET ?`;
    const rows = this.#db
      .prepare<SampleRow>(
        `SELECT ${COLUMNS} FROM (${keys}) page CROSS JOIN samples s ON s.seq = page.key
          JOIN videos v ON v.id = s.video_id ORDER BY ${order}`,
      )
      .all(...where.params, page.limit, page.offset);
    return { total, rows: rows.map(toSample) };
  }

  /** Every sample that passes the filter, in the order of adding. */
  all(filter: SampleFilter = {}): Sample[] {
    if (filter.text) indexWaiting(this.#db, 'samples');
    const where = conditions(filter);
    return this.#db
      .prepare<SampleRow>(`SELECT ${COLUMNS} ${FROM} ${where.sql} ORDER BY s.seq`)
      .all(...where.params)
      .map(toSample);
  }

  /**
   * The keys of every sample that passes the filter, in the order of adding, a stretch at a time: of a hundred thousand, the texts would
   * fill memory, and reading them in one go would hold up everything else.
   */
  async *keys(filter: SampleFilter): AsyncGenerator<SampleKey[], void> {
    // The index gives all hits of a search in one go: asked again for each stretch it would do all its work again.
    if (filter.text) {
      yield* this.#found(filter);
      return;
    }
    for (let after = -1; ;) {
      const where = conditions(filter, { after });
      const keys = this.#db
        .prepare<SampleKey>(`${KEYS} ${where.sql} ORDER BY s.seq LIMIT ?`)
        .all(...where.params, STRETCH);
      if (keys.length === 0) return;
      yield keys;
      after = keys.at(-1)!.seq;
      await nextTurn();
    }
  }

  /** {@link keys} of a search: the words first, by themselves, then the rest a stretch at a time. */
  async *#found({ text, ...filter }: SampleFilter): AsyncGenerator<SampleKey[], void> {
    indexWaiting(this.#db, 'samples');
    const words = conditions({ text });
    const seqs = this.#db
      .prepare<{ seq: number }>(`SELECT s.seq FROM samples s ${words.sql} ORDER BY s.seq`)
      .all(...words.params)
      .map(({ seq }) => seq);
    for (let from = 0; from < seqs.length; from += STRETCH) {
      await nextTurn();
      const where = conditions(filter, { among: seqs.slice(from, from + STRETCH) });
      yield this.#db.prepare<SampleKey>(`${KEYS} ${where.sql} ORDER BY s.seq`).all(...where.params);
    }
  }

  /** What is asked of samples by the `seq` of their keys, in the order of adding; those that are gone are left out. */
  at(seqs: readonly number[]): Pick<Sample, 'id' | 'videoId' | 'question' | 'type' | 'chosen'>[] {
    return this.#db
      .prepare<Pick<Sample, 'id' | 'videoId' | 'question' | 'type' | 'chosen'>>(
        `SELECT id, video_id AS videoId, question, type, chosen FROM samples
          WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq`,
      )
      .all(JSON.stringify(seqs));
  }

  /** @throws UserError NOT_FOUND */
  get(id: string): Sample {
    return toSample(this.#row(id));
  }

  /** With its id in the imported file and what the format carried. @throws UserError NOT_FOUND */
  record(id: string): SampleRecord {
    const row = this.#row(id);
    return {
      ...toSample(row),
      externalId: row.external_id,
      extra: JSON.parse(row.extra) as Extra,
    };
  }

  /** Adds a sample, or finds the one that is the same; `isNew` says which. */
  add(sample: NewSample): { id: string; isNew: boolean } {
    const fingerprint = sampleFingerprint(sample.videoId, sample.question, sample.chosen);
    const same = this.#db
      .prepare<{ id: string }>('SELECT id FROM samples WHERE fingerprint = ?')
      .get(fingerprint);
    if (same) return { id: same.id, isNew: false };
    const id = newId('s');
    this.#db.insert('samples', {
      id,
      video_id: sample.videoId,
      question: sample.question,
      type: sample.type,
      chosen: sample.chosen,
      source: sample.source,
      external_id: sample.externalId ?? null,
      extra: JSON.stringify(sample.extra ?? {}),
      fingerprint,
      created_at: Date.now(),
    });
    return { id, isNew: true };
  }

  #row(id: string): SampleRow {
    const row = this.#db.prepare<SampleRow>(`SELECT ${COLUMNS} ${FROM} WHERE s.id = ?`).get(id);
    if (!row)
      throw new UserError('NOT_FOUND', `sample: expected one of this project, got the unknown id ${id}`, '');
    return row;
  }
}

/** `after`, `among`: only samples whose `seq` comes after this one, or is one of these. */
function conditions(
  filter: SampleFilter,
  { after, among }: { after?: number; among?: readonly number[] } = {},
): Condition {
  const all: Condition[] = [];
  if (after !== undefined) all.push({ sql: 's.seq > ?', params: [after] });
  if (among) all.push({ sql: 's.seq IN (SELECT value FROM json_each(?))', params: [JSON.stringify(among)] });
  if (filter.text)
    all.push(...searchCondition(filter.text, 'samples_fts', 's.seq', ['s.question', 's.chosen']));
  if (filter.split) all.push({ sql: 'v.split = ?', params: [filter.split] });
  if (filter.type) all.push({ sql: 's.type = ?', params: [filter.type] });
  if (filter.videoId) all.push({ sql: 's.video_id = ?', params: [filter.videoId] });
  return whereAll(all);
}

function toSample(row: SampleRow): Sample {
  return {
    id: row.id,
    videoId: row.video_id,
    videoName: row.video_name,
    question: row.question,
    type: row.type,
    chosen: row.chosen,
    source: row.source,
    split: row.split,
    pairCount: row.pair_count,
  };
}
