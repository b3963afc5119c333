/**
 * @file Generated answers with their verdicts; a person confirms or overrules one, pairs follow the verdict, and how often each judge stood is
 * counted.
 */
import { wilson } from '../compare/statistics.ts';
import type { JudgePrecision } from '../contract/endpoint.ts';
import type {
  JudgedAnswer,
  JudgedFilter,
  PairStatus as Status,
  Provenance,
  Rate,
  Verdict,
} from '../contract/schemas.ts';
import type { z } from 'zod';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import type { Database } from '../project/sqlite.ts';
import type { Workbench } from './workbench.ts';

type Row = Omit<JudgedAnswer, 'local'> & {
  local: string | null;
  pairId: string | null;
  provenance: string | null;
};

const SELECT = `SELECT a.sample_id AS sampleId, a.conditions, v.name AS videoName, s.question, s.type, s.chosen AS reference,
    a.answer, a.verdict, a.reason, a.ruling, a.ruled_by AS ruledBy, a.judge, a.local, a.judge_failed AS judgeFailed, a.pair_id AS pairId, a.provenance
  FROM attempts a JOIN samples s ON s.id = a.sample_id JOIN videos v ON v.id = s.video_id`;

const told = ({ pairId: _pair, provenance: _provenance, local, ...row }: Row): JudgedAnswer => ({
  ...row,
  local: local === null ? null : (JSON.parse(local) as JudgedAnswer['local']),
});

/** One page, newest first, and how many there are in all. */
export function judgedAnswers(
  db: Database,
  { verdict, ruled }: JudgedFilter,
  { offset, limit }: { offset: number; limit: number },
): { total: number; rows: JudgedAnswer[] } {
  const where = `WHERE (?1 IS NULL OR a.verdict = ?1) AND (?2 IS NULL OR (a.ruling IS NOT NULL) = ?2)`;
  const params = [verdict ?? null, ruled ?? null] as const;
  const total = db.prepare<{ n: number }>(`SELECT count(*) AS n FROM attempts a ${where}`).get(...params)!.n;
  const rows = db
    .prepare<Row>(`${SELECT} ${where} ORDER BY a.created_at DESC, a.rowid DESC LIMIT ?3 OFFSET ?4`)
    .all(...params, limit, offset);
  return { total, rows: rows.map(told) };
}

/**
 * A person's verdict on one answer; null takes it back. Wrong: the answer becomes a pair. Right or unparseable: its pair is rejected
 * if it is still pending; a pair that somebody has decided about stays as it is.
 * @throws UserError NOT_FOUND
 */
export function rule(
  workbench: Workbench,
  { sampleId, conditions, ruling }: { sampleId: string; conditions: string; ruling: Verdict | null },
): JudgedAnswer {
  const project = workbench.requireProject();
  const { db } = project;
  const find = (): Row | undefined =>
    db.prepare<Row>(`${SELECT} WHERE a.sample_id = ? AND a.conditions = ?`).get(sampleId, conditions);
  const row = find();
  if (!row)
    throw new UserError(
      'NOT_FOUND',
      `answer: expected one of this project, got none for sample ${sampleId}`,
      '',
    );
  const pairs = new PairService(project, (pairId, version) =>
    workbench.hub.emit({ type: 'pair', pairId, version }),
  );
  db.prepare(
    'UPDATE attempts SET ruling = ?, ruled_by = ?, ruled_at = ? WHERE sample_id = ? AND conditions = ?',
  ).run(
    ruling,
    ruling === null ? null : project.reviewer,
    ruling === null ? null : Date.now(),
    sampleId,
    conditions,
  );
  if (ruling !== null) followVerdict(db, pairs, row, ruling);
  workbench.hub.emit({ type: 'library' });
  return told(find()!);
}

/** What a pair is made of, or found by. */
export type JudgedRow = Pick<Row, 'sampleId' | 'conditions' | 'answer' | 'pairId' | 'provenance'>;

/**
 * The pair of an answer follows its verdict. Wrong: it becomes a pair, or the one that a judge set aside is pending again. Right or
 * unparseable: its pair is rejected if it is still pending. `byMachine`: and only if no person has touched it.
 */
export function followVerdict(
  db: Database,
  pairs: PairService,
  { sampleId, conditions, answer, pairId, provenance }: JudgedRow,
  verdict: Verdict,
  { byMachine = false }: { byMachine?: boolean } = {},
): void {
  if (pairId === null) {
    if (verdict !== 'wrong') return;
    const from: Provenance =
      provenance === null
        ? { kind: 'model-answer', original: answer, createdAt: Date.now() }
        : (JSON.parse(provenance) as Provenance);
    const { id, isNew } = pairs.addCandidate({ sampleId, rejected: answer.trim(), provenance: from });
    db.prepare('UPDATE attempts SET pair_id = ?, made = ? WHERE sample_id = ? AND conditions = ?').run(
      id,
      isNew ? 1 : 0,
      sampleId,
      conditions,
    );
    return;
  }
  const pair = db
    .prepare<{ status: z.infer<typeof Status>; holder: string | null }>(
      'SELECT status, holder FROM pairs WHERE id = ?',
    )
    .get(pairId);
  if (pair === undefined || (byMachine && pair.holder !== null)) return;
  if (verdict !== 'wrong') {
    if (pair.status === 'pending') pairs.setStatus([pairId], 'rejected');
  } else if (pair.status === 'rejected' && pair.holder === null) pairs.setStatus([pairId], 'pending');
}

/**
 * Of the verdicts that a person ruled on, the share of each judge that stands, with its interval. The rules of this program first, over every answer that they judged; then
 * each endpoint over those whose verdict it gave.
 */
export function judgesPrecision(db: Database): JudgePrecision[] {
  type Counted = { judge: string | null; verdict: Verdict; answers: number; ruled: number; stands: number };
  const rows = db
    .prepare<Counted>(
      `WITH said AS (
         SELECT NULL AS judge, coalesce(json_extract(local, '$.verdict'), verdict) AS verdict, ruling FROM attempts
         UNION ALL SELECT judge, verdict, ruling FROM attempts WHERE judge IS NOT NULL)
       SELECT judge, verdict, count(*) AS answers, count(ruling) AS ruled, ifnull(sum(ruling = verdict), 0) AS stands
         FROM said GROUP BY judge, verdict`,
    )
    .all();
  const judges = [...new Set(rows.map(({ judge }) => judge))].sort((a, b) =>
    (a ?? '').localeCompare(b ?? ''),
  );
  return judges.map((judge) => {
    const mine = rows.filter((row) => row.judge === judge);
    const rate = (verdict: Verdict): Rate => {
      const found = mine.find((row) => row.verdict === verdict);
      return wilson(found?.stands ?? 0, found?.ruled ?? 0);
    };
    return {
      judge,
      answers: mine.reduce((sum, row) => sum + row.answers, 0),
      precision: { right: rate('right'), wrong: rate('wrong'), unparseable: rate('unparseable') },
    };
  });
}
