/** @file `rrpo-workbench rewrite`: preferred answers rewritten with the model's mistakes, for the pending pairs of open answers. */
import path from 'node:path';
import type { RewriteReport, RewriteRequest } from '../contract/endpoint.ts';
import { failedLines, planText } from './command-judge.ts';
import type { CommonOptions, Session } from './session.ts';

export type RewriteOptions = CommonOptions & { by: RewriteRequest['by']; dryRun?: boolean };

export async function rewriteCommand(
  { client, output, follow }: Session,
  [folder]: string[],
  { by, dryRun = false }: RewriteOptions,
): Promise<void> {
  await client.project.open({ path: path.resolve(folder) });
  if (dryRun) {
    const plan = await client.negatives.rewritePlan({ by });
    return output.result(plan, planText('pairs', plan));
  }
  const report = (await follow(await client.negatives.rewrite({ by }))) as RewriteReport;
  output.result(
    report,
    [
      `${report.rewritten} pairs rewritten, ${report.alike} without a key difference (now in second look), ` +
        `${report.leftAlone} left alone, ${report.failed} failed; $${report.cost.toFixed(4)}`,
      ...failedLines(report.failedWhy),
    ].join('\n'),
  );
}
