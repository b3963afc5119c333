/** @file Routes about training: devices, presets, readiness, estimate, and runs. */
import { PRESETS, presetConfig } from '../align/config.ts';
import { TrainConfig } from '../contract/schemas.ts';
import { listDevices } from './devices.ts';
import { estimateRun } from './estimate.ts';
import { readiness } from './readiness.ts';
import type { Implementer } from './router.ts';
import { runManager } from './run-manager.ts';
import type { Workbench } from './workbench.ts';

export function trainRoutes(os: Implementer, workbench: Workbench) {
  const runs = runManager(workbench);
  return {
    devices: os.train.devices.handler(() => listDevices()),
    presets: os.train.presets.handler(() =>
      // The contract's configuration is what a person sets; TrainConfig.parse leaves the rest to align/config.ts.
      PRESETS.map(({ id, name, description }) => ({
        id,
        name,
        description,
        config: TrainConfig.parse(presetConfig(id)),
      })),
    ),
    readiness: os.train.readiness.handler(() => {
      const { accepted, usable, excluded } = readiness(workbench.requireProject());
      return { accepted, usable: usable.length, excluded };
    }),
    estimate: os.train.estimate.handler(({ input }) => estimateRun(workbench, input.config)),
    start: os.train.start.handler(({ input }) => runs.start(input)),
    stop: os.train.stop.handler(({ input }) => runs.stop(input.runId, input.save)),
    resume: os.train.resume.handler(({ input }) => runs.resume(input.runId)),
    runs: os.train.runs.handler(() => runs.list()),
    run: os.train.run.handler(({ input }) => runs.get(input.runId)),
    metrics: os.train.metrics.handler(({ input }) => runs.metrics(input.runId)),
    log: os.train.log.handler(({ input }) => runs.log(input.runId)),
  };
}
