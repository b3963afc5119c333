/** @file What a training run would need on this machine, from one measured step; and which devices there are. */
import type { DeviceReport, Estimate, TrainConfig } from '../contract/schemas.ts';
import type { EngineApi } from '../jobs/apis.ts';
import { WorkerHost } from '../jobs/worker-host.ts';
import { workerEntry } from '../platform/entries.ts';
import { UserError, toPlainError } from '../platform/errors.ts';
import { engineVideo, featureCacheDir, requireModelDir } from './engine-requests.ts';
import { readiness } from './readiness.ts';
import type { Workbench } from './workbench.ts';

let report: Promise<DeviceReport[]> | undefined;

/**
 * Looked for once per process, in a worker of its own: a graphics driver that crashes must not take a running job with it, and is
 * itself an answer.
 */
export function listDevices(): Promise<DeviceReport[]> {
  report ??= look().catch((error: unknown) => {
    report = undefined; // a failed look is not remembered
    throw error;
  });
  return report;
}

async function look(): Promise<DeviceReport[]> {
  const worker = new WorkerHost<EngineApi>({ name: 'device check', entry: workerEntry('engine') });
  try {
    return await worker.call('devices', { only: null });
  } catch (error) {
    const plain = toPlainError(error);
    if (plain.code !== 'WORKER_DIED' && plain.code !== 'OUT_OF_MEMORY') throw error;
    const reason = `Trying it ended the process: ${plain.message}`;
    const cpu = await worker.call('devices', { only: 'cpu' });
    return [...cpu, { device: 'webgpu', available: false, reason, software: false }];
  } finally {
    await worker.close();
  }
}

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
