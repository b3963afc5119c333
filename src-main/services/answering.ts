/**
 * @file Asks the project's model about samples through the engine worker and hands over each answer as it comes. The one way in which
 * negatives, evaluations, `ask` and the command line get answers.
 */
import type { Decoding, EngineModel, FrameCount, GeneratedAnswer } from '../jobs/apis.ts';
import { groupByVideo } from './engine-requests.ts';
import type { AskedSample } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** Greedy, as all benchmarks are scored (`rrpo.md` 6.3). */
export const GREEDY: Decoding = { temperature: 0, seed: 0, maxNewTokens: 64 };

/** What to ask, and how. */
export type Asking = {
  samples: readonly AskedSample[];
  model: EngineModel;
  /** What is done to the frames first; null for clean clips. */
  recipe: unknown;
  /** Seed from which each video's perturbation is drawn. */
  seed: number;
  decoding: Decoding;
  frames: FrameCount;
  signal: AbortSignal;
  /** Called for each answer, in the order in which they come. A throw ends the asking. */
  onAnswer: (sample: AskedSample, answer: GeneratedAnswer) => void;
  /** Samples dealt with, answered or skipped, of all. */
  onProgress?: (done: number, total: number) => void;
};

/** Samples without an answer, because of their video. */
export type Skipped = { sampleId: string; reason: string }[];

/** Asks all of it; resolves with what had to be skipped. Answers that came before a failure or a cancel have been handed over. */
export async function answerSamples(workbench: Workbench, asking: Asking): Promise<Skipped> {
  const { samples, model, recipe, seed, decoding, frames, signal } = asking;
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const { tasks, unusable } = groupByVideo(workbench.requireProject(), samples, seed);
  const skipped: Skipped = [...unusable];
  let done = skipped.length;
  if (tasks.length === 0) return skipped;

  // An error in a listener must end the call, not vanish in an event handler.
  const stop = new AbortController();
  let failure: Error | undefined;
  try {
    await workbench.workers.engine.call(
      'answer',
      { model, tasks, recipe, decoding, frames },
      {
        signal: AbortSignal.any([signal, stop.signal]),
        onEvent: (event) => {
          if (failure !== undefined) return;
          try {
            if (event.type === 'answer') {
              asking.onAnswer(byId.get(event.id)!, event);
              done++;
            } else {
              for (const sampleId of event.ids) skipped.push({ sampleId, reason: event.reason });
              done += event.ids.length;
            }
            asking.onProgress?.(done, samples.length);
          } catch (error) {
            failure = error instanceof Error ? error : new Error(String(error));
            stop.abort('listener failed');
          }
        },
      },
    );
  } catch (error) {
    throw failure ?? error;
  }
  if (failure !== undefined) throw failure;
  return skipped;
}
