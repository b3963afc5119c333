/** @file `rrpo-workbench swap`: pairs by swapping concepts that often appear together, without asking the model. */
import path from 'node:path';
import { SwapReport, type QuestionType } from '../contract/schemas.ts';
import type { CommonOptions, Session } from './session.ts';

export type SwapOptions = CommonOptions & { type?: QuestionType; perSample: number };

export async function swapCommand(
  { client, output, follow }: Session,
  [folder]: string[],
  { type, perSample }: SwapOptions,
): Promise<void> {
  await client.project.open({ path: path.resolve(folder) });
  const report = SwapReport.parse(await follow(await client.negatives.swap({ filter: { type }, perSample })));
  output.result(
    report,
    `${report.pairs} new pairs, ${report.known} there before; nothing fits in ${report.without} of ${report.samples} samples`,
  );
}
