/** @file `rrpo-workbench train`: one training run, from the start or resumed; Ctrl-C stops it and saves. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Objective, Run } from '../contract/schemas.ts';
import { formatSeconds } from '../jobs/eta.ts';
import { fromPlainError } from '../platform/errors.ts';
import type { PlainError } from '../platform/errors.ts';
import { runManager } from '../services/run-manager.ts';
import { trainConfig } from './options.ts';
import type { CommonOptions, Session } from './session.ts';

export type TrainOptions = CommonOptions & {
  name?: string;
  objective?: Objective;
  preset: string;
  set: Record<string, string>;
  resume?: string;
  estimate?: boolean;
};

export async function trainCommand(
  session: Session,
  [folder]: string[],
  options: TrainOptions,
): Promise<void> {
  const { client, output } = session;
  await client.project.open({ path: path.resolve(folder) });
  const changes =
    options.objective === undefined ? options.set : { ...options.set, objective: options.objective };
  const config = trainConfig(options.preset, changes);
  if (options.estimate === true) {
    const estimate = await client.train.estimate({ config });
    const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
    output.result(
      estimate,
      `${estimate.verdict}: ${gib(estimate.peakBytes)} of ${gib(estimate.availableBytes)}, ${estimate.secondsPerPair.toFixed(2)} s a pair, ` +
        `${formatSeconds(estimate.secondsTotal)} in all${estimate.advice.map((line) => `\n  ${line}`).join('')}`,
    );
    return;
  }
  const { excluded } = await client.train.readiness();
  for (const { pairId, reason } of excluded.slice(0, 10)) output.note(`left out: ${pairId}: ${reason}`);
  const run =
    options.resume === undefined
      ? await client.train.start({ requestId: randomUUID(), name: options.name ?? config.objective, config })
      : await client.train.resume({ runId: options.resume });
  const ended = await finishRun(session, run.id);
  output.result(ended, describeRun(ended));
}

/** Waits until a run is at rest. @throws what made it fail */
export async function finishRun({ workbench }: Session, runId: string): Promise<Run> {
  const run = await runManager(workbench).ended(runId);
  if (run.error !== null) throw fromPlainError(run.error as PlainError);
  return run;
}

function describeRun(run: Run): string {
  const after = `after step ${run.step} of ${run.totalSteps} on ${run.pairCount} pairs`;
  return run.state === 'done'
    ? `Run ${run.id} is done ${after}; adapter: ${run.adapterDir ?? 'none'}`
    : `Run ${run.id} is ${run.state} ${after}; go on with: train <project> --resume ${run.id}`;
}
