/** @file `rrpo-workbench generate-answers`: answers of the base model or a run, on clean or perturbed clips, as JSON lines. */
import path from 'node:path';
import { SampleLibrary } from '../library/samples.ts';
import { judge } from '../negatives/judge.ts';
import { projectRecipe } from '../negatives/recipe-store.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { describeModel } from '../services/adapters.ts';
import { answerSamples, clipsOf } from '../services/answering.ts';
import type { Skipped } from '../services/answering.ts';
import { engineModel } from '../services/engine-requests.ts';
import { runManager } from '../services/run-manager.ts';
import { recipeOption } from './options.ts';
import type { CommonOptions, Session } from './session.ts';

export type GenerateAnswersOptions = CommonOptions & {
  run?: string;
  split: 'train' | 'heldout' | 'all';
  recipe?: string;
  seed: number;
  temperature: number;
  maxNewTokens: number;
  out: string;
};

export async function generateAnswersCommand(
  session: Session,
  [folder]: string[],
  options: GenerateAnswersOptions,
): Promise<void> {
  const { client, output, workbench } = session;
  await client.project.open({ path: path.resolve(folder) });
  const project = workbench.requireProject();
  const runs = runManager(workbench);
  const run = options.run === undefined ? null : await runs.get(options.run);
  const adapterDir = run === null ? null : await runs.adapterDir(run.id);
  const recipe =
    options.recipe === undefined
      ? null
      : projectRecipe(project.db, await recipeOption(options.recipe)).recipe;
  const samples = new SampleLibrary(project).all(options.split === 'all' ? {} : { split: options.split });
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  /** Sample id -> its line. Answers come as the batch ends them; the file has the order of the questions. */
  const lines = new Map<string, string>();
  const counts = { right: 0, wrong: 0, unparseable: 0 };
  const model = engineModel(project, adapterDir);
  const { temperature, seed, maxNewTokens } = options;
  const { done } = workbench.jobs.enqueue({
    kind: 'evaluate',
    title: 'Answering',
    lane: 'engine',
    run: async ({ signal, progress }): Promise<Skipped> => {
      const { hash } = await describeModel(workbench, model, run?.id ?? null, signal);
      return answerSamples(workbench, {
        clips: clipsOf(samples),
        total: samples.length,
        model,
        modelHash: hash,
        recipe,
        seed,
        decoding: () => ({ temperature, seed, maxNewTokens }),
        frames: run?.config.frames ?? null,
        signal,
        onAnswer: (sample, { text, tokens, finished, frameIndices }) => {
          const verdict = judge(
            { type: sample.type, question: sample.question, reference: sample.chosen, answer: text },
            project.synonyms,
          );
          counts[verdict.verdict]++;
          const { id, videoName, split, question, type, chosen } = byId.get(sample.id)!;
          const row = {
            sample_id: id,
            video: videoName,
            split,
            type,
            question,
            reference: chosen,
            answer: text,
            ...verdict,
          };
          lines.set(
            id,
            JSON.stringify({
              ...row,
              tokens,
              finished,
              frames: frameIndices,
              recipe,
              run: options.run ?? null,
            }),
          );
          return undefined;
        },
        onProgress: ({ done: n, total }) => progress(n / total, `${n} of ${total} answers`),
      });
    },
  });
  const file = path.resolve(options.out);
  const write = (): Promise<void> =>
    writeFileAtomic(
      file,
      samples.flatMap(({ id }) => (lines.has(id) ? [`${lines.get(id)!}\n`] : [])).join(''),
    );
  const skipped = await done.catch(async (error: unknown): Promise<Skipped> => {
    // Answers that came before Ctrl-C or a failure are kept; without any, an older file stays.
    if (lines.size > 0) await write();
    if (!session.signal.aborted || lines.size === 0) throw error;
    return [];
  });
  if (lines.size === 0 && skipped.length > 0)
    throw new UserError(
      'BAD_INPUT',
      `generate-answers: expected at least one usable video, got none: ${skipped[0].reason}`,
      'Find the missing videos in the Library, or with "import --find-missing".',
    );
  if (!session.signal.aborted) await write();
  output.result(
    { file, answers: lines.size, of: samples.length, ...counts, skipped },
    `${lines.size} of ${samples.length} answers in ${file}: ${counts.right} right, ${counts.wrong} wrong, ${counts.unparseable} unparseable; ${skipped.length} skipped`,
  );
}
