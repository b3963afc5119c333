/** @file Agreement of reviewers as a file: every pair that two have decided, as CSV or JSON. */
import path from 'node:path';
import { writeRecord } from '../library/text/delimited.ts';
import { agreementRows, AgreementSummary, type AgreementRow, type Cut } from '../pairs/agreement.ts';
import type { BulkContext } from '../pairs/bulk.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import type { OpenProject } from '../project/project.ts';

const COLUMNS = [
  'pair',
  'video',
  'question',
  'reviewer_a',
  'reviewer_b',
  'status_a',
  'status_b',
  'marked_by_both',
  'only_a',
  'only_b',
  'neither',
  'f1',
  'kappa',
  'answers_compared',
  'answers_with_different_text',
  'unit',
];

/**
 * Writes the agreement, whole or not at all; returns how many rows. `.json` also carries the figures over the project.
 * @throws UserError BAD_INPUT for another ending than `.csv` and `.json`; CANCELLED
 */
export async function exportAgreement(
  project: OpenProject,
  file: string,
  { cut, unit }: { cut: Cut; unit: string },
  context: BulkContext = {},
): Promise<{ path: string; count: number }> {
  const target = path.resolve(file);
  const ending = path.extname(target).toLowerCase();
  if (ending !== '.csv' && ending !== '.json')
    throw new UserError(
      'BAD_INPUT',
      `agreement: expected a file name that ends in .csv or .json, got ${path.basename(target)}`,
      'Name the file agreement.csv or agreement.json.',
    );
  const rows: AgreementRow[] = [];
  const summary = new AgreementSummary();
  for await (const row of agreementRows(project, cut, context)) {
    rows.push(row);
    summary.add(row);
  }
  const text =
    ending === '.json'
      ? `${JSON.stringify({ unit, reviewers: summary.result(unit).reviewers, pairs: rows }, null, 2)}\n`
      : [COLUMNS, ...rows.map((row) => csvFields(row, unit))]
          .map((fields) => writeRecord(fields, ','))
          .join('');
  await writeFileAtomic(target, text);
  return { path: target, count: rows.length };
}

/** Fields that do not apply (a rejected pair's marks, a score of nothing) are empty. */
function csvFields({ marks, ...row }: AgreementRow, unit: string): string[] {
  const number = (value: number | null | undefined): string => (value == null ? '' : String(value));
  return [
    row.pairId,
    row.videoName,
    row.question,
    row.a,
    row.b,
    row.statusA,
    row.statusB,
    number(marks?.both),
    number(marks?.onlyA),
    number(marks?.onlyB),
    number(marks?.neither),
    number(marks?.f1),
    number(marks?.kappa),
    number(marks?.compared),
    number(marks?.differentText),
    unit,
  ];
}
