/** @file Pairs as rows: the one SELECT, the filters, and the way to the contract's shapes. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { familyOf, Recipe } from '../contract/recipe.ts';
import type { LintCode, Pair, PairFilter, PairSummary, Phrase, Provenance } from '../contract/schemas.ts';
import { searchCondition, whereAll, type Condition } from '../library/search.ts';
import type { Database } from '../project/sqlite.ts';
import { lintPair } from './lints.ts';

export type PairRow = {
  seq: number;
  id: string;
  sample_id: string;
  video_id: string;
  video_name: string;
  question: string;
  type: Pair['type'];
  split: Pair['split'];
  chosen: string;
  rejected: string;
  phrases: string;
  status: Pair['status'];
  version: number;
  lints: string;
  provenance: string;
  updated_at: number;
  source: string;
  family: PairSummary['family'];
  /** Whose version the row holds; null: nobody has touched it. */
  holder: string | null;
};

export const SELECT_PAIRS = `SELECT p.seq, p.id, p.sample_id, s.video_id, v.name AS video_name, s.question, s.type, v.split,
  p.chosen, p.rejected, p.phrases, p.status, p.version, p.lints, p.provenance, p.updated_at, p.source, p.family, p.holder
  FROM pairs p JOIN samples s ON s.id = p.sample_id JOIN videos v ON v.id = s.video_id`;

/**
 * The status of a pair as SQL over `pairs p`. `own`: the reviewer who sees only their own decisions; null where everybody sees the
 * pair's.
 */
export function statusColumn(own: string | null): { sql: string; params: string[] } {
  if (own === null) return { sql: 'p.status', params: [] };
  return {
    sql: `CASE WHEN p.holder IS NULL OR p.holder = ? THEN p.status ELSE coalesce(
      (SELECT status FROM reviews WHERE reviewer = ? AND pair_seq = p.seq), 'pending') END`,
    params: [own, own],
  };
}

/**
 * The filter as SQL over `pairs p` alone: all but short words of a search is answered by one narrow index. `short`: see
 * {@link searchCondition}.
 */
export function pairConditions(
  filter: PairFilter,
  own: string | null = null,
  short?: (word: string) => Condition | null,
): Condition {
  const all: Condition[] = [];
  if (filter.text)
    all.push(
      ...searchCondition(
        filter.text,
        'pairs_fts',
        'p.seq',
        [
          'p.chosen',
          'p.rejected',
          (has) => `p.sample_id IN (SELECT id FROM samples WHERE ${has('question')})`,
        ],
        short,
      ),
    );
  const status = statusColumn(own);
  if (filter.status) all.push({ sql: `${status.sql} = ?`, params: [...status.params, filter.status] });
  if (filter.split) all.push(ofSplit(filter.split));
  if (filter.type) all.push({ sql: 'p.type = ?', params: [filter.type] });
  if (filter.videoId) all.push({ sql: 'p.video_id = ?', params: [filter.videoId] });
  if (filter.source) all.push({ sql: 'p.source = ?', params: [filter.source] });
  if (filter.family) all.push({ sql: 'p.family = ?', params: [filter.family] });
  if (filter.kind) all.push({ sql: 'p.kinds LIKE ?', params: [`%"${filter.kind}"%`] });
  if (filter.reviewer)
    all.push({
      sql: 'p.seq IN (SELECT pair_seq FROM reviews WHERE reviewer = ?)',
      params: [filter.reviewer],
    });
  // The split may change after the pair was stored, so this one lint is not among the stored codes.
  if (filter.lint === 'heldout-leak') all.push(ofSplit('heldout'));
  else if (filter.lint) all.push({ sql: `p.lints LIKE ?`, params: [`%"${filter.lint}"%`] });
  return whereAll(all);
}

const ofSplit = (split: Pair['split']): Condition => ({
  sql: 'p.video_id IN (SELECT id FROM videos WHERE split = ?)',
  params: [split],
});

/** Where a pair came from, as one key. The migration that added the column says the same in SQL. */
export function sourceKey(provenance: Provenance, sampleSource: string): string {
  switch (provenance.kind) {
    case 'imported':
      return `import:${sampleSource}`;
    case 'generated': {
      if (provenance.recipeName !== undefined) return `saved-recipe:${provenance.recipeName}`;
      const recipe = Array.isArray(provenance.recipe) ? (provenance.recipe as { op: string }[]) : [];
      return `recipe:${recipe.map((step) => step.op).join('+')}`;
    }
    case 'model-answer':
      return 'compare';
    case 'swapped':
      return 'swap';
    case 'written':
      return 'written';
    default:
      return provenance.kind satisfies never;
  }
}

/** What a pair is evidence of; null for an answer that no perturbation brought about. */
export function familyOfPair({ kind, family, recipe }: Provenance): PairSummary['family'] {
  if (kind === 'swapped') return family ?? 'co-occurrence';
  if (kind !== 'generated') return null;
  // A file may state steps with fields left out, or steps of another program.
  const steps = Recipe.safeParse(recipe);
  return family ?? (steps.success ? familyOf(steps.data) : null);
}

/** The kinds of a pair's phrases as they are stored beside them: each once, sorted. */
export function storedKinds(phrases: readonly Phrase[]): string {
  return JSON.stringify([...new Set(phrases.flatMap(({ kind }) => kind ?? []))].sort());
}

/** By what a sample's candidates are told apart: the non-preferred answer as it came. */
export function originHash(rejected: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(rejected).digest().subarray(0, 16));
}

/** For each answer the pair that it is already, as it came, or null. */
export function candidatesAmong(
  db: Database,
  answers: readonly { sampleId: string; rejected: string }[],
): (string | null)[] {
  const find = db.prepare<{ id: string }>('SELECT id FROM pairs WHERE sample_id = ? AND origin = ?');
  return answers.map(({ sampleId, rejected }) => find.get(sampleId, originHash(rejected))?.id ?? null);
}

/** Codes to be stored with a row. */
export function storedLints(input: Parameters<typeof lintPair>[0]): z.infer<typeof LintCode>[] {
  return [...new Set(lintPair(input).map((lint) => lint.code))].filter((code) => code !== 'heldout-leak');
}

/** Phrases as they are stored: one order of keys, so that equal phrases are equal text, here and in exports. */
export function phrasesJson(phrases: readonly Phrase[]): string {
  const span = (at: Phrase['chosen']): Phrase['chosen'] =>
    at && { start: at.start, end: at.end, quote: at.quote };
  return JSON.stringify(
    phrases.map(({ id, number, chosen, rejected, origin, kind }) => ({
      id,
      number,
      chosen: span(chosen),
      rejected: span(rejected),
      origin,
      ...(kind ? { kind } : {}),
    })),
  );
}

export const phrasesOf = (row: PairRow): Phrase[] => JSON.parse(row.phrases) as Phrase[];

export function toSummary(row: PairRow): PairSummary {
  return {
    id: row.id,
    sampleId: row.sample_id,
    videoId: row.video_id,
    videoName: row.video_name,
    question: row.question,
    type: row.type,
    status: row.status,
    rejected: row.rejected,
    phraseCount: phrasesOf(row).length,
    lintCount: (JSON.parse(row.lints) as string[]).length + (row.split === 'heldout' ? 1 : 0),
    split: row.split,
    source: row.source,
    family: row.family,
    updatedAt: row.updated_at,
  };
}

/** The whole pair. Its marks are checked against its texts here, on every load. */
export function toPair(row: PairRow, stacks: { canUndo: boolean; canRedo: boolean }): Pair {
  const phrases = phrasesOf(row);
  const lints = lintPair({
    question: row.question,
    type: row.type,
    split: row.split,
    chosen: row.chosen,
    rejected: row.rejected,
    phrases,
  });
  return {
    ...toSummary(row),
    lintCount: new Set(lints.map((lint) => lint.code)).size,
    chosen: row.chosen,
    phrases,
    version: row.version,
    lints,
    provenance: JSON.parse(row.provenance) as Provenance,
    ...stacks,
  };
}
