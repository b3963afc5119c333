/** @file Which adapter a caller means: the one of a run of the project, or a PEFT folder. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ADAPTER_WEIGHTS_FILE } from '../align/adapter.ts';
import { readRunRecord } from '../align/run-record.ts';
import type { EngineModel, FrameCount, ModelDescription } from '../jobs/apis.ts';
import { UserError } from '../platform/errors.ts';
import { runFolder } from './run-files.ts';
import { runManager } from './run-manager.ts';
import type { Workbench } from './workbench.ts';

/** An adapter that answers can be drawn with. */
export type ChosenAdapter = {
  dir: string;
  /** The run that made it; null for a folder from elsewhere. */
  runId: string | null;
  /** The run's name, or the folder's. */
  name: string;
  /** Frames a clip that it was trained on. */
  frames: FrameCount;
};

/**
 * @param chosen id of a run, or a folder; null for the base model
 * @throws UserError NOT_FOUND (neither a run nor a folder, or one without weights), UNAVAILABLE (a run that has none yet)
 */
export async function chooseAdapter(
  workbench: Workbench,
  chosen: string | null,
): Promise<ChosenAdapter | null> {
  if (chosen === null) return null;
  const manager = runManager(workbench);
  const run = (await manager.list()).find(({ id }) => id === chosen);
  const dir = run === undefined ? path.resolve(chosen) : await manager.adapterDir(run.id);
  if (!existsSync(path.join(dir, ADAPTER_WEIGHTS_FILE)))
    throw new UserError(
      'NOT_FOUND',
      run === undefined
        ? `adapter: expected a run of this project or a folder with ${ADAPTER_WEIGHTS_FILE}, got ${chosen}`
        : `adapter of ${run.name}: expected ${ADAPTER_WEIGHTS_FILE} in ${dir}, got no such file`,
      'Put the folder back where it was, or choose another run.',
    );
  return {
    dir,
    runId: run?.id ?? null,
    name: run?.name ?? path.basename(dir),
    frames: run?.config.frames ?? null,
  };
}

/**
 * What answers will be drawn from, before any is asked for.
 * @param runId the run whose adapter `model` has; null for the base model or an adapter from elsewhere
 * @throws UserError CONFLICT when the run has tuned another model than the project has now: its adapter means nothing there
 */
export async function describeModel(
  workbench: Workbench,
  model: EngineModel,
  runId: string | null,
  signal: AbortSignal,
): Promise<ModelDescription> {
  const described = await workbench.workers.engine.call('describe', model, { signal });
  if (runId === null) return described;
  const { name, modelDir } = await runManager(workbench).tuned(runId);
  const record = await readRunRecord(runFolder(workbench.requireProject().runsDir, runId));
  if (record !== null && record.model.hash !== described.hash)
    throw new UserError(
      'CONFLICT',
      `adapter of ${name}: expected the model it was trained on, ${record.model.hash.slice(0, 12)} in ${modelDir}, got ${described.hash.slice(0, 12)} in ${model.modelDir}`,
      'Choose the model of the run in Settings, or train a new run on this one.',
    );
  return described;
}
