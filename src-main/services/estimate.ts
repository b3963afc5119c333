/** @file What a training run would need on this machine, from one measured step. */
import type { Estimate, TrainConfig } from '../contract/schemas.ts';
import { UserError, toPlainError } from '../platform/errors.ts';
import { engineVideo, featureCacheDir, requireModelDir } from './engine-requests.ts';
import { readiness } from './readiness.ts';
import type { Workbench } from './workbench.ts';

/** Runs one training step on the longest accepted pairs and scales it up. Waits for its turn behind other engine jobs. */
export async function estimateRun(workbench: Workbench, config: TrainConfig): Promise<Estimate> {
  const project = workbench.requireProject();
  const modelDir = requireModelDir(project);
  const pairs = readiness(project).usable.flatMap(({ videoId, ...pair }) => {
    const { video } = engineVideo(project, videoId);
    return video === null ? [] : [{ ...pair, video }];
  });
  if (pairs.length === 0)
    throw new UserError(
      'BAD_INPUT',
      'estimate: expected at least one accepted pair to measure with, got none',
      'Accept a pair in the Review room first.',
    );
  const { done } = workbench.jobs.enqueue({
    kind: 'estimate',
    title: 'Measuring one training step',
    lane: 'engine',
    run: async ({ signal }) => {
      const request = { modelDir, cacheDir: featureCacheDir(project), config, pairs };
      try {
        return await workbench.workers.engine.call('estimate', request, { signal });
      } catch (error) {
        if (toPlainError(error).code !== 'OUT_OF_MEMORY') throw error;
        return tooLarge();
      }
    },
    result: (estimate) => estimate,
  });
  return done;
}

/** The verdict when the measured step itself ran out of memory: no time was measured. */
function tooLarge(): Estimate {
  const availableBytes = process.availableMemory();
  return {
    verdict: 'will-not-fit',
    peakBytes: availableBytes,
    availableBytes,
    secondsPerPair: 0,
    secondsTotal: 0,
    advice: [
      'One step alone ran out of memory.',
      'Fewer frames, a lower LoRA rank, or a smaller checkpoint of the same family.',
    ],
  };
}
