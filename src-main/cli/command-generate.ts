/** @file `rrpo-workbench generate`: negatives from perturbed clips. */
import path from 'node:path';
import type { QuestionType } from '../contract/schemas.ts';
import { acceptPending } from './accept.ts';
import type { GenerateReport } from '../services/generation.ts';
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
  accept?: boolean;
};

export async function generateCommand(
  session: Session,
  [folder]: string[],
  options: GenerateOptions,
): Promise<void> {
  const { client, output, follow } = session;
  await client.project.open({ path: path.resolve(folder) });
  const { seed, temperature, maxNewTokens, tries, type, adapter = null, prompt } = options;
  const recipe = await recipeOption(options.recipe);
  const how = { recipe, seed, temperature, maxNewTokens, tries, adapter, prompt };
  const job = await client.negatives.generate({ filter: { type }, ...how });
  const report = (await follow(job)) as GenerateReport;
  const accepted = options.accept === true ? await acceptPending(session) : 0;
  output.result(
    { ...report, accepted },
    [
      `${report.pairs} new pairs; answers under these conditions: ${report.wrong} wrong, ${report.right} right, ` +
        `${report.unparseable} unparseable; ${report.skipped} skipped${options.accept === true ? `; ${accepted} accepted without review` : ''}`,
      ...report.skippedWhy.map(({ reason, samples }) => `  ${samples} skipped: ${reason}`),
    ].join('\n'),
  );
}
