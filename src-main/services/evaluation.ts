/** @file Evaluating the base model or a run's adapter on the samples of one split, mostly the held-out one: greedy answers, strict judging, KL from the base. */
import type { Evaluation, Split } from '../contract/schemas.ts';
import { addEvaluation } from '../compare/evaluations.ts';
import type { EvaluatedAnswer } from '../compare/evaluations.ts';
import type { JobContext, JobHandle } from '../jobs/queue.ts';
import { SampleLibrary } from '../library/samples.ts';
import { loadReader } from '../negatives/concepts.ts';
import { judge } from '../negatives/judge.ts';
import { UserError } from '../platform/errors.ts';
import { GREEDY, answerSamples, clipsOf } from './answering.ts';
import { describeModel } from './adapters.ts';
import { engineModel, engineVideo } from './engine-requests.ts';
import type { AskedSample } from './engine-requests.ts';
import { runManager } from './run-manager.ts';
import type { Workbench } from './workbench.ts';

/** What to evaluate. */
export type EvaluateRequest = {
  /** Null: the base model. */
  runId: string | null;
  /** Which clips' samples. Training clips show what the model still gets wrong there, not what it has learned. @default 'heldout' */
  split?: Split;
  /** Shown in lists. @default the run's name, or "base" */
  name?: string;
  /** Most samples to ask about, spread evenly over all. @default all */
  limit?: number;
};

/** Share of the progress bar for the answers; the rest is for the KL. Measured on the sample model. */
const ANSWERS_SHARE = 0.75;

/** Puts an evaluation in line; its result is the stored Evaluation. */
export async function evaluate(
  workbench: Workbench,
  request: EvaluateRequest,
): Promise<JobHandle<Evaluation>> {
  const { runId, split = 'heldout' } = request;
  const project = workbench.requireProject();
  const manager = runManager(workbench);
  const run = runId === null ? null : await manager.get(runId);
  const adapterDir = runId === null ? null : await manager.adapterDir(runId);
  const samples = spread(new SampleLibrary(project).all({ split }), request.limit);
  if (samples.length === 0)
    throw new UserError(
      'BAD_INPUT',
      `evaluation: expected ${split === 'heldout' ? 'held-out' : 'training'} samples, got none`,
      'Import samples of such videos (the split is by video; the Library shows it).',
    );
  const name = request.name ?? run?.name ?? 'base';
  return workbench.jobs.enqueue({
    kind: 'evaluate',
    title: `Evaluating ${name}${split === 'train' ? ' on training clips' : ''}`,
    lane: 'engine',
    run: (context) =>
      evaluateNow(
        workbench,
        { runId, name, adapterDir, frames: run?.config.frames ?? null, split, samples },
        context,
      ),
    result: (evaluation) => evaluation,
  });
}

/** At most `limit` items, evenly spread. */
function spread<T>(items: T[], limit = Infinity): T[] {
  if (items.length <= limit) return items;
  return Array.from({ length: limit }, (_, i) => items[Math.floor((i * items.length) / limit)]);
}

type Evaluating = {
  runId: string | null;
  name: string;
  adapterDir: string | null;
  frames: number | null;
  split: Split;
  samples: readonly AskedSample[];
};

async function evaluateNow(workbench: Workbench, what: Evaluating, context: JobContext): Promise<Evaluation> {
  const { runId, name, adapterDir, split, samples } = what;
  const { signal } = context;
  const project = workbench.requireProject();
  const model = engineModel(project, adapterDir);
  await loadReader();
  const described = await describeModel(workbench, model, runId, signal);
  const { hash, adapterHash, frames: defaultFrames } = described;
  const frames = what.frames ?? defaultFrames;
  const answersShare = adapterDir === null ? 1 : ANSWERS_SHARE;
  const answers = new Map<string, EvaluatedAnswer>();
  const skipped = await answerSamples(workbench, {
    clips: clipsOf(samples),
    total: samples.length,
    model,
    modelHash: hash,
    recipe: null,
    seed: 0,
    decoding: () => GREEDY,
    frames,
    signal,
    onAnswer: (sample, { text, frameIndices }) => {
      const judged = judge(
        { type: sample.type, question: sample.question, reference: sample.chosen, answer: text },
        project.synonyms,
      );
      const answer = { sampleId: sample.id, answer: text, frames: frameIndices };
      answers.set(sample.id, { ...answer, ...judged, kl: null });
      return undefined;
    },
    onProgress: ({ done, total }) =>
      context.progress((answersShare * done) / total, `${done} of ${total} answers`),
  });
  if (answers.size === 0)
    throw new UserError(
      'BAD_INPUT',
      `evaluation: expected at least one usable video, got none: ${skipped[0]?.reason ?? ''}`,
      'Find the missing videos in the Library.',
    );

  if (adapterDir !== null) {
    const items = samples.flatMap(({ id, videoId, question, chosen }) => {
      const { video } = answers.has(id) ? engineVideo(project, videoId) : { video: null };
      return video === null ? [] : [{ id, video, question, answer: chosen }];
    });
    const { kl } = await workbench.workers.engine.call(
      'divergence',
      { model, frames, items },
      {
        signal,
        onEvent: (done) =>
          context.progress(
            answersShare + ((1 - answersShare) * done) / items.length,
            `${done} of ${items.length} answers set against the base model`,
          ),
      },
    );
    for (const { id, kl: value } of kl) answers.get(id)!.kl = value;
  }
  const evaluation = addEvaluation(project.db, {
    runId,
    name,
    settings: {
      model: project.portablePath(model.modelDir),
      modelHash: hash,
      adapterDir: adapterDir && project.portablePath(adapterDir),
      adapterHash,
      split,
      frames,
      decoding: GREEDY,
      skipped,
    },
    answers: [...answers.values()],
  });
  workbench.hub.emit({ type: 'evaluation', evaluationId: evaluation.id });
  return evaluation;
}

/** One question to the base model or a run's adapter, now. @throws UserError CONFLICT while a training run has the engine */
export async function ask(
  workbench: Workbench,
  { videoId, question, runId }: { videoId: string; question: string; runId: string | null },
): Promise<{ text: string; seconds: number }> {
  const project = workbench.requireProject();
  const training = workbench.jobs.list().find((job) => job.kind === 'train' && job.state === 'running');
  if (training !== undefined)
    throw new UserError(
      'CONFLICT',
      `The engine is busy: ${training.title}.`,
      'Ask again when the run has ended, or stop it.',
    );
  const manager = runManager(workbench);
  const model = engineModel(project, runId === null ? null : await manager.adapterDir(runId));
  const frames = runId === null ? null : (await manager.get(runId)).config.frames;
  const { video, reason } = engineVideo(project, videoId);
  if (video === null)
    throw new UserError(
      'UNAVAILABLE',
      `ask: expected a video that can be read, got: ${reason}`,
      'Find the video again in the Library.',
    );
  const { done } = workbench.jobs.enqueue({
    kind: 'evaluate',
    title: 'Answering a question',
    lane: 'engine',
    run: async ({ signal }) => {
      await describeModel(workbench, model, runId, signal);
      const started = performance.now();
      let text = '';
      let skipped = '';
      await workbench.workers.engine.call(
        'answer',
        {
          model,
          task: {
            video,
            seed: 0,
            pixels: null,
            questions: [{ id: 'ask', text: question, decoding: GREEDY }],
          },
          recipe: null,
          frames,
        },
        {
          signal,
          onEvent: (event) => {
            if (event.type === 'answer') text = event.text;
            else skipped = event.reason;
          },
        },
      );
      if (skipped !== '')
        throw new UserError('BAD_INPUT', `ask: ${skipped}`, 'Find the video again in the Library.');
      return { text, seconds: (performance.now() - started) / 1000 };
    },
  });
  return done;
}
