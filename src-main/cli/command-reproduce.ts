/** @file `rrpo-workbench reproduce`: the answer of a generated pair, made again from its provenance. */
import path from 'node:path';
import { reproduce } from '../services/reproduce.ts';
import { EXIT } from './exit-codes.ts';
import type { CommonOptions, Session } from './session.ts';

export type ReproduceOptions = CommonOptions & { pair: string };

export async function reproduceCommand(
  { client, workbench, output }: Session,
  [folder]: string[],
  options: ReproduceOptions,
): Promise<number> {
  await client.project.open({ path: path.resolve(folder) });
  const report = await reproduce(workbench, options.pair);
  output.result(
    report,
    report.equal ? `the same text: ${report.text}` : `expected: ${report.original}\ngot:      ${report.text}`,
  );
  return report.equal ? EXIT.ok : EXIT.failure;
}
