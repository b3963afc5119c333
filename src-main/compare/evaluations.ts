/** @file Evaluations in the project: what a model answered to the held-out questions, and the rates and comparisons made from it. */
import type { ComparisonRow, Evaluation, PairedComparison, QuestionType } from '../contract/schemas.ts';
import type { Verdict } from '../negatives/judge.ts';
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
};

/** What is stored about an evaluation besides its answers. */
export type NewEvaluation = {
  /** Null: the base model. */
  runId: string | null;
  name: string;
  /** What it depends on: model hash, decoding, frames, ...; JSON. */
  settings: Record<string, unknown>;
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
    for (const { sampleId, answer, verdict, reason, kl } of evaluation.answers)
      db.insert('evaluation_answers', {
        evaluation_id: id,
        sample_id: sampleId,
        answer,
        verdict,
        reason,
        kl,
      });
  });
  return getEvaluation(db, id);
}

type EvaluationRow = { id: string; run_id: string | null; name: string; created_at: number };
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
    .prepare<EvaluationRow>(
      'SELECT id, run_id, name, created_at FROM evaluations ORDER BY created_at DESC, id DESC',
    )
    .all()
    .map((row) => summarize(db, row));
}

/** One evaluation. @throws UserError NOT_FOUND */
export function getEvaluation(db: Database, id: string): Evaluation {
  const row = db
    .prepare<EvaluationRow>('SELECT id, run_id, name, created_at FROM evaluations WHERE id = ?')
    .get(id);
  if (row === undefined)
    throw new UserError(
      'NOT_FOUND',
      `evaluation ${id}: expected one of this project, got an unknown id`,
      'Choose one from the list.',
    );
  return summarize(db, row);
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
    accuracy: rate(answers),
    byType: Object.fromEntries(types.map((type) => [type, rate(answers.filter((a) => a.type === type))])),
    kl: kls.length === 0 ? null : meanInterval(kls).value,
  };
}

/** Which rows of a comparison are wanted. */
export type Only = 'all' | 'disagreements' | 'fixed' | 'broken';

/** Answers of two evaluations side by side, for the questions both were asked. `disagreements`: the verdicts differ. */
export function comparisonRows(db: Database, baseId: string, tunedId: string, only: Only): ComparisonRow[] {
  getEvaluation(db, baseId);
  getEvaluation(db, tunedId);
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
  };
  const rows = db
    .prepare<Joined>(
      `SELECT s.id AS sampleId, s.video_id AS videoId, v.name AS videoName, s.question, s.type, s.chosen AS reference,
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
  return rows.filter(keep[only]).map(({ baseText, baseVerdict, tunedText, tunedVerdict, ...row }) => ({
    ...row,
    base: { text: baseText, verdict: baseVerdict },
    tuned: { text: tunedText, verdict: tunedVerdict },
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
