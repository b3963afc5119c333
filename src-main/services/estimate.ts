/** @file What a training run would need on this machine, from one measured step; and which devices there are. */
import type { DeviceReport, Estimate, TrainConfig } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { engineVideo, featureCacheDir, requireModelDir } from './engine-requests.ts';
import { readiness } from './readiness.ts';
import type { Workbench } from './workbench.ts';

const reports = new WeakMap<Workbench, Promise<DeviceReport[]>>();

/** Devices are looked for once per workbench: the answer needs a started worker and does not change. */
export function listDevices(workbench: Workbench): Promise<DeviceReport[]> {
  let report = reports.get(workbench);
  if (report === undefined) {
    report = workbench.workers.engine.call('devices', null);
    reports.set(workbench, report);
    // A failed look must not be remembered.
    report.catch(() => reports.delete(workbench));
  }
  return report;
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
    run: ({ signal }) =>
      workbench.workers.engine.call(
        'estimate',
        { modelDir, cacheDir: featureCacheDir(project), config, pairs },
        { signal },
      ),
    result: (estimate) => estimate,
  });
  return done;
}
