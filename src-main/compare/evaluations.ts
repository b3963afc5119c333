/** @file Evaluations in the project: what a model answered to the held-out questions, and the rates and comparisons made from it. */
import { z } from 'zod';
import { Split } from '../contract/schemas.ts';
import type { ComparisonRow, Evaluation, PairedComparison, QuestionType } from '../contract/schemas.ts';
import type { Verdict } from '../negatives/judge.ts';
import { candidatesAmong } from '../pairs/rows.ts';
import { UserError } from '../platform/errors.ts';
import { newId } from '../project/ids.ts';
import type { Database } from '../project/sqlite.ts';
import { comparePaired, meanInterval, wilson } from './statistics.ts';

/** One judged answer of an evaluation. */
export type EvaluatedAnswer = {
  sampleId: string;
  answer: string;
  verdict: Verdict;
  reason: string;
  /** Summed KL(base || tuned) on the preferred answer, nats; null for the base model. */
  kl: number | null;
  /** The frames it was given, as indices into the PTS table. */
  frames: readonly number[];
};

/** What an evaluation depends on. What older versions did not keep is optional. */
export const EvaluationSettings = z.object({
  /** Checkpoint folder, as `project.portablePath` writes it. */
  model: z.string().optional(),
  modelHash: z.string(),
  /** PEFT folder, likewise; null for the base model. */
  adapterDir: z.string().nullable(),
  adapterHash: z.string().nullable().optional(),
  /** Which clips were asked about. */
  split: Split.default('heldout'),
  /** How many frames each clip was given. */
  frames: z.number().int(),
  decoding: z.object({ temperature: z.number(), seed: z.number(), maxNewTokens: z.number() }),
  skipped: z.array(z.object({ sampleId: z.string(), reason: z.string() })),
});
export type EvaluationSettings = z.infer<typeof EvaluationSettings>;

/** What is stored about an evaluation besides its answers. */
export type NewEvaluation = {
  /** Null: the base model. */
  runId: string | null;
  name: string;
  settings: EvaluationSettings;
  answers: readonly EvaluatedAnswer[];
};

/** Stores an evaluation, all of it or nothing, and returns it. */
export function addEvaluation(db: Database, evaluation: NewEvaluation): Evaluation {
  const id = newId('e');
  db.transaction(() => {
    db.insert('evaluations', {
      id,
      run_id: evaluation.runId,
      name: evaluation.name,
      created_at: Date.now(),
      settings: JSON.stringify(evaluation.settings),
    });
    for (const { sampleId, answer, verdict, reason, kl, frames } of evaluation.answers)
      db.insert('evaluation_answers', {
        evaluation_id: id,
        sample_id: sampleId,
        answer,
        verdict,
        reason,
        kl,
        frames: JSON.stringify(frames),
      });
  });
  return getEvaluation(db, id);
}

type EvaluationRow = {
  id: string;
  run_id: string | null;
  name: string;
  created_at: number;
  model_hash: string;
  split: Evaluation['split'];
};
const SELECT = `SELECT id, run_id, name, created_at, json_extract(settings, '$.modelHash') AS model_hash,
  ifnull(json_extract(settings, '$.split'), 'heldout') AS split FROM evaluations`;

/** One stored answer with what it is grouped by. */
export type AnswerRow = {
  sample_id: string;
  answer: string;
  verdict: Verdict;
  /** Nats; null for the base model. */
  kl: number | null;
  type: QuestionType;
  /** Where the sample was imported from. */
  source: string;
};

/** All evaluations, newest first. */
export function listEvaluations(db: Database): Evaluation[] {
  return db
    .prepare<EvaluationRow>(`${SELECT} ORDER BY created_at DESC, id DESC`)
    .all()
    .map((row) => summarize(db, row));
}

/** One evaluation. @throws UserError NOT_FOUND */
export function getEvaluation(db: Database, id: string): Evaluation {
  const row = db.prepare<EvaluationRow>(`${SELECT} WHERE id = ?`).get(id);
  if (row === undefined)
    throw new UserError(
      'NOT_FOUND',
      `evaluation ${id}: expected one of this project, got an unknown id`,
      'Choose one from the list.',
    );
  return summarize(db, row);
}

/** One answer of an evaluation, and what the evaluation depends on. @throws UserError NOT_FOUND */
export function evaluatedAnswer(
  db: Database,
  { evaluationId, sampleId }: { evaluationId: string; sampleId: string },
): { evaluation: Evaluation; settings: EvaluationSettings; answer: string; frames: number[] | null } {
  const evaluation = getEvaluation(db, evaluationId);
  const row = db
    .prepare<{ settings: string; answer: string; frames: string | null }>(
      `SELECT e.settings, a.answer, a.frames FROM evaluation_answers a JOIN evaluations e ON e.id = a.evaluation_id
        WHERE a.evaluation_id = ? AND a.sample_id = ?`,
    )
    .get(evaluationId, sampleId);
  if (row === undefined)
    throw new UserError(
      'NOT_FOUND',
      `evaluation ${evaluation.name}: expected an answer to sample ${sampleId}, got none`,
      'Choose a row of the list.',
    );
  const { settings, answer, frames } = row;
  return {
    evaluation,
    settings: EvaluationSettings.parse(JSON.parse(settings)),
    answer,
    frames: frames === null ? null : (JSON.parse(frames) as number[]),
  };
}

/** Answers of one evaluation whose samples still exist, in the order of the samples. */
export function answersOf(db: Database, id: string): AnswerRow[] {
  return db
    .prepare<AnswerRow>(
      `SELECT a.sample_id, a.answer, a.verdict, a.kl, s.type, s.source
         FROM evaluation_answers a JOIN samples s ON s.id = a.sample_id
        WHERE a.evaluation_id = ? ORDER BY s.seq`,
    )
    .all(id);
}

function summarize(db: Database, row: EvaluationRow): Evaluation {
  const answers = answersOf(db, row.id);
  // An answer that cannot be read is not right: leaving it out would reward a model for being unreadable.
  const rate = (list: readonly AnswerRow[]) =>
    wilson(list.filter((a) => a.verdict === 'right').length, list.length);
  const types = [...new Set(answers.map((a) => a.type))].sort();
  const kls = answers.flatMap((a) => (a.kl === null ? [] : [a.kl]));
  return {
    id: row.id,
    runId: row.run_id,
    name: row.name,
    createdAt: row.created_at,
    modelHash: row.model_hash,
    split: row.split,
    accuracy: rate(answers),
    byType: Object.fromEntries(types.map((type) => [type, rate(answers.filter((a) => a.type === type))])),
    kl: kls.length === 0 ? null : meanInterval(kls).value,
  };
}

/** Which rows of a comparison are wanted. */
export type Only = 'all' | 'disagreements' | 'fixed' | 'broken';

/**
 * Answers of two evaluations side by side, for the questions both were asked. `disagreements`: the verdicts differ.
 * @throws UserError NOT_FOUND; CONFLICT when the tuned model is not the base with an adapter: the difference would not be what was learned
 */
export function comparisonRows(db: Database, baseId: string, tunedId: string, only: Only): ComparisonRow[] {
  const base = getEvaluation(db, baseId);
  const tuned = getEvaluation(db, tunedId);
  if (base.modelHash !== tuned.modelHash)
    throw new UserError(
      'CONFLICT',
      `comparison: expected ${base.name} and ${tuned.name} to be of one model, got ${base.modelHash.slice(0, 12)} and ${tuned.modelHash.slice(0, 12)}`,
      'Choose the model that was tuned in Settings and evaluate again.',
    );
  type Joined = {
    sampleId: string;
    videoId: string;
    videoName: string;
    question: string;
    type: QuestionType;
    reference: string;
    baseText: string;
    baseVerdict: Verdict;
    tunedText: string;
    tunedVerdict: Verdict;
    split: Evaluation['split'];
  };
  const rows = db
    .prepare<Joined>(
      `SELECT s.id AS sampleId, s.video_id AS videoId, v.name AS videoName, s.question, s.type, s.chosen AS reference, v.split,
              b.answer AS baseText, b.verdict AS baseVerdict, t.answer AS tunedText, t.verdict AS tunedVerdict
         FROM evaluation_answers b
         JOIN evaluation_answers t ON t.sample_id = b.sample_id AND t.evaluation_id = ?
         JOIN samples s ON s.id = b.sample_id
         JOIN videos v ON v.id = s.video_id
        WHERE b.evaluation_id = ? ORDER BY s.seq`,
    )
    .all(tunedId, baseId);
  const keep: Record<Only, (row: Joined) => boolean> = {
    all: () => true,
    disagreements: (row) => row.baseVerdict !== row.tunedVerdict,
    fixed: (row) => row.baseVerdict !== 'right' && row.tunedVerdict === 'right',
    broken: (row) => row.baseVerdict === 'right' && row.tunedVerdict !== 'right',
  };
  const kept = rows.filter(keep[only]);
  const pairIds = candidatesAmong(
    db,
    kept.map(({ sampleId, tunedText }) => ({ sampleId, rejected: tunedText })),
  );
  return kept.map(({ baseText, baseVerdict, tunedText, tunedVerdict, ...row }, i) => ({
    ...row,
    base: { text: baseText, verdict: baseVerdict },
    tuned: { text: tunedText, verdict: tunedVerdict },
    pairId: pairIds[i],
  }));
}

/** Flips, difference with interval, and p-value between two evaluations, over the questions both were asked. */
export function compareEvaluations(db: Database, baseId: string, tunedId: string): PairedComparison {
  const rows = comparisonRows(db, baseId, tunedId, 'all');
  return comparePaired(
    rows.map((row) => row.base.verdict === 'right'),
    rows.map((row) => row.tuned.verdict === 'right'),
  );
}
