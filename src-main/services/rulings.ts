/** @file Generated answers with their verdicts; a person confirms or overrules one, and how often the judge stood is counted. */
import { wilson } from '../compare/statistics.ts';
import type { JudgedAnswer, JudgedFilter, Provenance, Rate, Verdict } from '../contract/schemas.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import type { Database } from '../project/sqlite.ts';
import type { Workbench } from './workbench.ts';

type Row = JudgedAnswer & { pairId: string | null; provenance: string | null };

const SELECT = `SELECT a.sample_id AS sampleId, a.conditions, v.name AS videoName, s.question, s.type, s.chosen AS reference,
    a.answer, a.verdict, a.reason, a.ruling, a.ruled_by AS ruledBy, a.pair_id AS pairId, a.provenance
  FROM attempts a JOIN samples s ON s.id = a.sample_id JOIN videos v ON v.id = s.video_id`;

const told = ({ pairId: _pair, provenance: _provenance, ...row }: Row): JudgedAnswer => row;

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
  if (ruling === 'wrong' && row.pairId === null) {
    const provenance: Provenance =
      row.provenance === null
        ? { kind: 'model-answer', original: row.answer, createdAt: Date.now() }
        : (JSON.parse(row.provenance) as Provenance);
    const { id } = pairs.addCandidate({ sampleId, rejected: row.answer.trim(), provenance });
    db.prepare('UPDATE attempts SET pair_id = ? WHERE sample_id = ? AND conditions = ?').run(
      id,
      sampleId,
      conditions,
    );
  }
  if (
    ruling !== null &&
    ruling !== 'wrong' &&
    row.pairId !== null &&
    pairs.get(row.pairId).status === 'pending'
  )
    pairs.setStatus([row.pairId], 'rejected');
  workbench.hub.emit({ type: 'library' });
  return told(find()!);
}

/** Of the verdicts that a person ruled on, the share that stands, with its interval. */
export function judgePrecision(db: Database): Record<Verdict, Rate> {
  const count = (verdict: Verdict): Rate => {
    const { n, stands } = db
      .prepare<{ n: number; stands: number }>(
        'SELECT count(*) AS n, ifnull(sum(ruling = verdict), 0) AS stands FROM attempts WHERE verdict = ? AND ruling IS NOT NULL',
      )
      .get(verdict)!;
    return wilson(stands, n);
  };
  return { right: count('right'), wrong: count('wrong'), unparseable: count('unparseable') };
}
