/** @file `rrpo-workbench generate`: negatives from perturbed clips. */
import path from 'node:path';
import type { JudgeReport } from '../contract/endpoint.ts';
import type { QuestionType } from '../contract/schemas.ts';
import { acceptPending } from './accept.ts';
import type { GenerateReport } from '../services/generation.ts';
import { judgedLines } from './command-judge.ts';
import { recipeOption } from './options.ts';
import type { CommonOptions, Session } from './session.ts';

export type GenerateOptions = CommonOptions & {
  recipe: string;
  seed: number;
  temperature: number;
  maxNewTokens: number;
  tries: number;
  type?: QuestionType;
  adapter?: string;
  prompt?: string;
  judge?: boolean;
  accept?: boolean;
};

export async function generateCommand(
  session: Session,
  [folder]: string[],
  options: GenerateOptions,
): Promise<void> {
  const { client, output, follow, workbench } = session;
  await client.project.open({ path: path.resolve(folder) });
  const { seed, temperature, maxNewTokens, tries, type, adapter = null, prompt, judge } = options;
  const recipe = await recipeOption(options.recipe);
  const how = { recipe, seed, temperature, maxNewTokens, tries, adapter, prompt, judge };
  const job = await client.negatives.generate({ filter: { type }, ...how });
  const report = (await follow(job)) as GenerateReport;
  const judged =
    report.judging === null ? null : ((await follow(workbench.jobs.get(report.judging)!)) as JudgeReport);
  const accepted = options.accept === true ? await acceptPending(session) : 0;
  output.result(
    { ...report, judged, accepted },
    [
      `${report.pairs} new pairs; answers under these conditions: ${report.wrong} wrong, ${report.right} right, ` +
        `${report.unparseable} unparseable; ${report.skipped} skipped${options.accept === true ? `; ${accepted} accepted without review` : ''}`,
      ...(judged === null ? [] : judgedLines(judged)),
      ...report.skippedWhy.map(({ reason, samples }) => `  ${samples} skipped: ${reason}`),
    ].join('\n'),
  );
}
