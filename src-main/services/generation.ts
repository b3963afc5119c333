/**
 * @file Making wrong answers: the project's model is asked about perturbed clips; wrong answers become pending pairs with proposed
 * phrases and full provenance, right ones are set aside, unreadable ones are flagged. A cancelled generation goes on where it was.
 */
import type { Provenance, SampleFilter } from '../contract/schemas.ts';
import type { Decoding } from '../jobs/apis.ts';
import type { JobContext, JobHandle } from '../jobs/queue.ts';
import { SampleLibrary } from '../library/samples.ts';
import { addAttempt, attemptedSamples, conditionsKey, countAttempts } from '../negatives/attempts.ts';
import type { AttemptCounts } from '../negatives/attempts.ts';
import { judge } from '../negatives/judge.ts';
import { resolveRecipe } from '../negatives/recipes.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import { answerSamples, speedText } from './answering.ts';
import { engineModel } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** What to generate. */
export type GenerateRequest = {
  filter: SampleFilter;
  /** Id of a named recipe, a list of steps, or nothing for the default. */
  recipe?: unknown;
  seed: number;
  temperature: number;
  maxNewTokens: number;
};

/** What came of it. The first three count all answers ever given under these conditions, also of an earlier, cancelled job. */
export type GenerateReport = AttemptCounts & {
  /** New pending pairs of this job. */
  pairs: number;
  /** Samples without a usable video. */
  skipped: number;
  recipe: string;
};

/** Puts a generation in line. Held-out samples are left out: what is trained on must not come from them. */
export function generate(workbench: Workbench, request: GenerateRequest): JobHandle<GenerateReport> {
  const project = workbench.requireProject();
  const model = engineModel(project, null);
  const { name, recipe } = resolveRecipe(request.recipe);
  if (request.filter.split === 'heldout')
    throw new UserError(
      'BAD_INPUT',
      'generation: expected samples of the training split, got the held-out ones',
      'Negatives of held-out clips would leak into training; choose the training split.',
    );
  return workbench.jobs.enqueue({
    kind: 'generate',
    title: 'Generating negatives',
    lane: 'engine',
    run: async (context) => generateNow(workbench, { request, model, name, recipe }, context),
    result: (report) => report,
  });
}

type Generating = {
  request: GenerateRequest;
  model: ReturnType<typeof engineModel>;
  name: string;
  recipe: ReturnType<typeof resolveRecipe>['recipe'];
};

async function generateNow(
  workbench: Workbench,
  what: Generating,
  { signal, progress }: JobContext,
): Promise<GenerateReport> {
  const { request, model, name, recipe } = what;
  const project = workbench.requireProject();
  const { hash, frames } = await workbench.workers.engine.call(
    'describe',
    { modelDir: model.modelDir },
    { signal },
  );
  const decoding: Decoding = {
    temperature: request.temperature,
    seed: request.seed,
    maxNewTokens: request.maxNewTokens,
  };
  const key = conditionsKey({ modelHash: hash, adapter: null, recipe, seed: request.seed, decoding, frames });
  const done = attemptedSamples(project.db, key);
  const samples = new SampleLibrary(project)
    .all({ ...request.filter, split: 'train' })
    .filter((sample) => !done.has(sample.id));
  const service = new PairService(project, (pairId, version) =>
    workbench.hub.emit({ type: 'pair', pairId, version }),
  );
  let pairs = 0;
  let answered = 0;
  let told = performance.now();
  const skipped = await answerSamples(workbench, {
    samples,
    model,
    modelHash: hash,
    recipe,
    seed: request.seed,
    decoding: () => decoding,
    frames,
    signal,
    onAnswer: (sample, { text, frameIndices, seed }) => {
      const { verdict, reason } = judge({
        type: sample.type,
        question: sample.question,
        reference: sample.chosen,
        answer: text,
      });
      // The answer and the pair it becomes are stored together or not at all.
      project.db.transaction(() => {
        let pairId: string | null = null;
        if (verdict === 'wrong') {
          const provenance: Provenance = {
            kind: 'generated',
            model: project.portablePath(model.modelDir),
            modelHash: hash,
            recipe,
            seed,
            frameIndices,
            decoding,
            original: text,
            createdAt: Date.now(),
          };
          const made = service.addCandidate({ sampleId: sample.id, rejected: text.trim(), provenance });
          pairId = made.id;
          if (made.isNew) pairs++;
        }
        addAttempt(project.db, key, { sampleId: sample.id, answer: text, verdict, reason, pairId });
      });
      answered++;
      if (performance.now() - told > 1000) {
        told = performance.now();
        workbench.hub.emit({ type: 'library' });
      }
      return undefined;
    },
    onProgress: ({ done: dealt, total, ...speed }) =>
      progress(dealt / total, `${dealt} of ${total} questions, ${pairs} new pairs${speedText(speed)}`),
  });
  if (samples.length > 0 && answered === 0)
    throw new UserError(
      'BAD_INPUT',
      `generation: expected at least one usable video, got none: ${skipped[0]?.reason ?? ''}`,
      'See the findings in the Library.',
    );
  workbench.hub.emit({ type: 'library' });
  return { ...countAttempts(project.db, key), pairs, skipped: skipped.length, recipe: name };
}
