/** @file `rrpo-workbench eval`: scores on the held-out questions, with intervals, flips and KL. */
import path from 'node:path';
import type { Evaluation, PairedComparison, Rate } from '../contract/schemas.ts';
import { table } from './output.ts';
import type { CommonOptions, Session } from './session.ts';

export type EvalOptions = CommonOptions & { run?: string[]; base: boolean };

const percent = (x: number) => (100 * x).toFixed(1);

/** "62.5 [55.1, 69.4]": a rate in percent with its 95 % interval. */
export function rateText(rate: Rate | undefined): string {
  return rate === undefined ? '' : `${percent(rate.value)} [${percent(rate.low)}, ${percent(rate.high)}]`;
}

/** "+8.3 [+1.2, +15.1]" percentage points. */
export function differenceText({ difference }: PairedComparison): string {
  const signed = (x: number) => `${x >= 0 ? '+' : ''}${percent(x)}`;
  return `${signed(difference.value)} [${signed(difference.low)}, ${signed(difference.high)}]`;
}

export async function evaluateCommand(
  session: Session,
  [folder]: string[],
  options: EvalOptions,
): Promise<void> {
  const { client, output, follow } = session;
  await client.project.open({ path: path.resolve(folder) });
  const runIds: (string | null)[] = [...(options.base ? [null] : []), ...(options.run ?? [])];
  const evaluations: Evaluation[] = [];
  for (const runId of runIds)
    evaluations.push((await follow(await client.compare.evaluate({ runId }))) as Evaluation);
  const base = evaluations.find((e) => e.runId === null);
  const rows = [];
  const comparisons: Record<string, PairedComparison> = {};
  const types = [...new Set(evaluations.flatMap((e) => Object.keys(e.byType)))].sort();
  for (const evaluation of evaluations) {
    const comparison =
      base === undefined || evaluation === base
        ? null
        : await client.compare.difference({ baseId: base.id, tunedId: evaluation.id });
    if (comparison !== null) comparisons[evaluation.id] = comparison;
    rows.push([
      evaluation.name,
      String(evaluation.accuracy.n),
      rateText(evaluation.accuracy),
      ...types.map((type) => rateText(evaluation.byType[type])),
      comparison === null ? '' : differenceText(comparison),
      comparison === null ? '' : `${comparison.fixed}/${comparison.broken}`,
      evaluation.kl === null ? '' : evaluation.kl.toFixed(3),
    ]);
  }
  const header = [
    'model',
    'questions',
    'accuracy %',
    ...types.map((t) => `${t} %`),
    'vs base, points',
    'fixed/broken',
    'KL from base',
  ];
  output.result({ evaluations, comparisons }, `${table(header, rows)}\n95 % intervals in brackets.`);
}
