/**
 * @file Asks the project's model about samples through the engine worker and hands over each answer as it comes. The one way in which
 * negatives, evaluations and the command line get answers. The media worker decodes the clips that come next while the engine works on
 * those that are ready, and several clips are under way at once so that their questions fill the engine's batch.
 */
import { videoSeed } from '../contract/perturb.ts';
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  AnswerEvent,
  AnswerTask,
  Decoding,
  EngineModel,
  FrameCount,
  GeneratedAnswer,
} from '../jobs/apis.ts';
import { Throughput } from '../jobs/eta.ts';
import { UserError, faultOfInput } from '../platform/errors.ts';
import { lookAhead } from '../platform/look-ahead.ts';
import { engineVideo } from './engine-requests.ts';
import type { AskedSample } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** Greedy, as all benchmarks are scored (`rrpo.md` 6.3). */
export const GREEDY: Decoding = { temperature: 0, seed: 0, maxNewTokens: 64 };

/** Clips whose pixels lie ready before the engine takes them. */
const CLIPS_AHEAD = 3;
/** Questions that the engine is given before it has answered: twice its batch, so that it never waits for the next clip. */
const QUESTIONS_AHEAD = 64;

/** The samples of one video. */
export type AskedClip = { videoId: string; samples: readonly AskedSample[] };

/** Samples by their videos, in the order of the first of each. */
export function clipsOf(samples: readonly AskedSample[]): AskedClip[] {
  return [...Map.groupBy(samples, (sample) => sample.videoId)].map(([videoId, own]) => ({
    videoId,
    samples: own,
  }));
}

/** What to ask, and how. */
export type Asking = {
  /** Read one by one as they come near, so that texts may be made on the way. */
  clips: Iterable<AskedClip>;
  /** Samples of all clips. */
  total: number;
  model: EngineModel;
  /** `ModelDescription.hash` of the model. */
  modelHash: string;
  /** What is done to the frames first; null for clean clips. */
  recipe: unknown;
  /** Seed from which each video's perturbation is drawn. */
  seed: number;
  decoding: (sample: AskedSample) => Decoding;
  frames: FrameCount;
  signal: AbortSignal;
  /**
   * Called for each answer, in the order in which they come. A decoding in return asks the same question once more, drawn that way.
   * A throw ends the asking.
   */
  onAnswer: (sample: AskedSample, answer: GeneratedAnswer) => Decoding | undefined;
  /** Called for samples that are left out because of their video, as soon as that is known. */
  onSkipped?: (samples: readonly AskedSample[], reason: string) => void;
  onProgress?: (progress: AskingProgress) => void;
};

/** How far an asking is. */
export type AskingProgress = {
  /** Samples dealt with, answered or skipped, of all. */
  done: number;
  total: number;
  /** Answers and generated tokens a second, lately. */
  answersPerSecond: number;
  tokensPerSecond: number;
};

/** " · 35 questions/s · 410 tokens/s", for the line under a progress bar. */
export function speedText({
  answersPerSecond,
  tokensPerSecond,
}: Pick<AskingProgress, 'answersPerSecond' | 'tokensPerSecond'>): string {
  if (answersPerSecond === 0) return '';
  const digits = answersPerSecond < 10 ? 1 : 0;
  return ` · ${answersPerSecond.toFixed(digits)} questions/s · ${tokensPerSecond.toFixed(0)} tokens/s`;
}

/** Samples without an answer, because of their video. */
export type Skipped = { sampleId: string; reason: string }[];

/** The samples of one video, and the video made ready for the engine or why it cannot be used. */
type ReadyClip = { samples: readonly AskedSample[]; ready: Omit<AnswerTask, 'questions'> | string };

/** Asks all of it; resolves with what had to be skipped. Answers that came before a failure or a cancel have been handed over. */
export async function answerSamples(workbench: Workbench, asking: Asking): Promise<Skipped> {
  // An error in a listener or in one clip must end all of it.
  const stop = new AbortController();
  const signal = AbortSignal.any([asking.signal, stop.signal]);
  const progress = new Progress(asking);
  const clips = lookAhead(
    asking.clips,
    CLIPS_AHEAD,
    (clip) => readyClip(workbench, asking, clip, signal),
    async ({ ready }) => {
      if (typeof ready !== 'string' && ready.pixels !== null) await rm(ready.pixels, { force: true });
    },
  );
  let failure: Error | undefined;
  let underWay = 0;
  const asked = new Set<Promise<void>>();
  try {
    for await (const { samples, ready } of clips) {
      if (typeof ready === 'string') {
        progress.skip(samples, ready);
        await nextTurn(); // thousands of clips may be missing, and nothing else here waits
        continue;
      }
      while (underWay > 0 && underWay + samples.length > QUESTIONS_AHEAD && failure === undefined)
        await Promise.race(asked);
      if (failure !== undefined) throw failure;
      underWay += samples.length;
      const done = askClip(workbench, asking, ready, samples, progress, signal)
        .catch((error: unknown) => {
          failure ??= asError(error);
          stop.abort('another clip failed');
        })
        .finally(() => {
          underWay -= samples.length;
          asked.delete(done);
        });
      asked.add(done);
    }
  } catch (error) {
    failure ??= asError(error);
    stop.abort('failed');
  }
  await Promise.all(asked);
  if (failure !== undefined) throw failure;
  return progress.skipped;
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** Decodes a clip for the engine, unless its features are cached. A clip that cannot be read, or kills the worker, costs its own questions. */
async function readyClip(
  workbench: Workbench,
  { model, modelHash, frames, recipe, seed }: Asking,
  { videoId, samples }: AskedClip,
  signal: AbortSignal,
): Promise<ReadyClip> {
  const { video, reason } = engineVideo(workbench.requireProject(), videoId);
  if (video === null) return { samples, ready: reason };
  const { modelDir, cacheDir } = model;
  const request = {
    video,
    modelDir,
    modelHash,
    cacheDir,
    frames,
    recipe,
    seed: videoSeed(seed, video.sha256),
  };
  try {
    // The engine is there anyway; the media worker is started only when there is something to decode.
    const { engine, media } = workbench.workers;
    const cached = await engine.call('cached', request, { signal });
    const pixels = cached ? null : await media.call('pixels', request, { signal });
    return { samples, ready: { video, seed: request.seed, pixels } };
  } catch (error) {
    const died = error instanceof UserError && error.code === 'WORKER_DIED';
    return { samples, ready: died ? error.message : faultOfInput(error) };
  }
}

/** Asks about one clip until no question is to be asked again. */
async function askClip(
  workbench: Workbench,
  { model, frames, recipe, decoding, onAnswer }: Asking,
  task: Omit<AnswerTask, 'questions'>,
  samples: readonly AskedSample[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const ask = ({ id, question: text }: AskedSample, how: Decoding) => ({ id, text, decoding: how });
  let questions = samples.map((sample) => ask(sample, decoding(sample)));
  let { pixels } = task;
  while (questions.length > 0) {
    const again: typeof questions = [];
    const listener = new AbortController();
    let failure: Error | undefined;
    const take = (event: AnswerEvent): void => {
      if (failure !== undefined) return;
      try {
        if (event.type === 'skipped')
          progress.skip(
            event.ids.map((id) => byId.get(id)!),
            event.reason,
          );
        else {
          const sample = byId.get(event.id)!;
          const how = onAnswer(sample, event);
          if (how !== undefined) again.push(ask(sample, how));
          progress.answered(event.tokens, how === undefined);
        }
      } catch (error) {
        // An error in a listener must end the call, not vanish in an event handler.
        failure = asError(error);
        listener.abort('listener failed');
      }
    };
    // A batch's answers come all at once, and storing each takes a write to the disk: other work gets through between two.
    let taken: Promise<unknown> = Promise.resolve();
    try {
      await workbench.workers.engine.call(
        'answer',
        { model, task: { ...task, pixels, questions }, recipe, frames },
        {
          signal: AbortSignal.any([signal, listener.signal]),
          onEvent: (event) => {
            taken = taken.then(() => take(event)).then(() => nextTurn());
          },
        },
      );
    } catch (error) {
      await taken;
      throw failure ?? asError(error);
    }
    await taken;
    if (failure !== undefined) throw failure;
    pixels = null; // its features are in the cache now
    questions = again;
  }
}

/** Counts what is dealt with, and how fast. */
class Progress {
  readonly skipped: Skipped = [];
  readonly #asking: Asking;
  readonly #answers = new Throughput();
  readonly #tokens = new Throughput();
  #done = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  skip(samples: readonly AskedSample[], reason: string): void {
    this.skipped.push(...samples.map(({ id }) => ({ sampleId: id, reason })));
    this.#asking.onSkipped?.(samples, reason);
    this.#tell(samples.length);
  }

  /** `last`: the question is not asked again. */
  answered(tokens: number, last: boolean): void {
    this.#answers.add(1);
    this.#tokens.add(tokens);
    this.#tell(last ? 1 : 0);
  }

  #tell(dealt: number): void {
    this.#done += dealt;
    this.#asking.onProgress?.({
      done: this.#done,
      total: this.#asking.total,
      answersPerSecond: this.#answers.perSecond,
      tokensPerSecond: this.#tokens.perSecond,
    });
  }
}
