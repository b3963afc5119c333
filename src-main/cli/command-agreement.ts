/** @file `rrpo-workbench agreement`: how far reviewers agree on decisions and marks, as a table and as a file. */
import path from 'node:path';
import { table } from './output.ts';
import type { CommonOptions, Session } from './session.ts';

export type AgreementOptions = CommonOptions & { out?: string };

export async function agreementCommand(
  { client, output }: Session,
  [folder]: string[],
  options: AgreementOptions,
): Promise<void> {
  await client.project.open({ path: path.resolve(folder) });
  const agreement = await client.pairs.agreement();
  const file =
    options.out === undefined
      ? null
      : await client.pairs.exportAgreement({ path: path.resolve(options.out) });
  const share = (value: number | null): string => (value === null ? '-' : value.toFixed(3));
  const rows = agreement.reviewers.map(({ a, b, pairs, sameDecision, marks }) => [
    a,
    b,
    String(pairs),
    String(sameDecision),
    share(marks.f1),
    share(marks.kappa),
    String(marks.compared),
    String(marks.differentText),
  ]);
  output.result(
    { ...agreement, file: file?.path ?? null },
    [
      rows.length === 0
        ? 'No pair has been decided by two reviewers yet.'
        : table(
            ['reviewer', 'reviewer', 'pairs', 'same decision', 'F1', 'kappa', 'compared', 'different text'],
            rows,
          ),
      `Marks are counted in ${agreement.unit}.`,
      ...(file ? [`${file.count} rows written to ${file.path}`] : []),
    ].join('\n'),
  );
}
