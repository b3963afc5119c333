/**
 * @file Training runs: started once per request, stopped with or without saving, resumed, and told truthfully after a crash. The trainer
 * itself runs in the engine worker; what it did is on the disk before it is told here.
 */
import path from 'node:path';
import type { MetricRow, Run, TrainConfig } from '../contract/schemas.ts';
import { readMetrics } from '../align/metrics.ts';
import type { TrainEvent, TrainPair, TrainResult } from '../jobs/apis.ts';
import type { JobContext } from '../jobs/queue.ts';
import { UserError, toPlainError } from '../platform/errors.ts';
import { newId } from '../project/ids.ts';
import type { OpenProject } from '../project/project.ts';
import { engineVideo, featureCacheDir, requireModelDir } from './engine-requests.ts';
import {
  createRunFiles,
  logRun,
  readRunLog,
  readRunPairs,
  readRuns,
  runFolder,
  saveRun,
} from './run-files.ts';
import type { StoredPair, StoredRun } from './run-files.ts';
import { readiness } from './readiness.ts';
import type { Workbench } from './workbench.ts';

/** A run of this process. */
type Live = { run: StoredRun; jobId: string; done: Promise<void> };

/** Milliseconds a stopped run may take to write its checkpoint before its worker is ended. */
const STOP_GRACE_MS = 120_000;
/** The window hears of a running run at most this often, milliseconds. */
const TELL_EVERY_MS = 250;

const managers = new WeakMap<Workbench, RunManager>();

/** The one manager of a workbench. */
export function runManager(workbench: Workbench): RunManager {
  let manager = managers.get(workbench);
  if (manager === undefined) managers.set(workbench, (manager = new RunManager(workbench)));
  return manager;
}

/** What starts a run. */
export type StartRequest = { requestId: string; name: string; config: TrainConfig };

export class RunManager {
  readonly #workbench: Workbench;
  readonly #live = new Map<string, Live>();
  /** Starts that are under way, by request: a double click waits for the first. */
  readonly #starting = new Map<string, Promise<Run>>();

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
  }

  /** All runs, newest first. A run that was under way in a process that is gone is stopped, and can be resumed. */
  async list(): Promise<Run[]> {
    const stored = await readRuns(this.#workbench.requireProject().runsDir);
    return stored.reverse().map((run) => toRun(this.#live.get(run.id)?.run ?? atRest(run)));
  }

  /** @throws UserError NOT_FOUND */
  async get(runId: string): Promise<Run> {
    return toRun(await this.#stored(runId));
  }

  /** Folder of a run's adapter. @throws UserError NOT_FOUND (no such run), UNAVAILABLE (it has none yet) */
  async adapterDir(runId: string): Promise<string> {
    return (await this.tuned(runId)).adapterDir;
  }

  /** The model a run has tuned, and its adapter. @throws as {@link adapterDir} */
  async tuned(runId: string): Promise<{ name: string; modelDir: string; adapterDir: string }> {
    const run = await this.#stored(runId);
    if (run.adapterDir === null)
      throw new UserError(
        'UNAVAILABLE',
        `Run ${run.name} has no adapter yet.`,
        'Let it reach its end, or stop it with saving.',
      );
    const { name, adapterDir } = run;
    return { name, adapterDir, modelDir: this.#workbench.requireProject().resolvePath(run.modelDir) };
  }

  /** One row per step so far. */
  async metrics(runId: string): Promise<MetricRow[]> {
    const { runsDir } = this.#workbench.requireProject();
    const lines = await readMetrics(path.join(runFolder(runsDir, runId), 'metrics.jsonl'));
    return lines.map(({ step, ...values }) => ({ step, values }));
  }

  log(runId: string): Promise<string> {
    return readRunLog(this.#workbench.requireProject().runsDir, runId);
  }

  /** Starts a run on the accepted pairs; the same `requestId` always gives the same run. */
  start(request: StartRequest): Promise<Run> {
    const under = this.#starting.get(request.requestId);
    if (under !== undefined) return under;
    const starting = this.#start(request).finally(() => this.#starting.delete(request.requestId));
    this.#starting.set(request.requestId, starting);
    return starting;
  }

  async #start({ requestId, name, config }: StartRequest): Promise<Run> {
    const project = this.#workbench.requireProject();
    const existing = (await readRuns(project.runsDir)).find((run) => run.requestId === requestId);
    if (existing !== undefined) return this.get(existing.id);
    const modelDir = requireModelDir(project);
    const ready = readiness(project);
    if (ready.usable.length === 0)
      throw new UserError(
        'BAD_INPUT',
        `training: expected at least one accepted pair that can be trained on, got ${ready.accepted} accepted and none usable`,
        ready.excluded[0]?.reason ?? 'Accept pairs in the Review room first.',
      );
    const run: StoredRun = {
      id: newId('r'),
      name,
      state: 'queued',
      config,
      createdAt: Date.now(),
      endedAt: null,
      step: 0,
      totalSteps: 0,
      pairCount: ready.usable.length,
      secondsLeft: null,
      adapterDir: null,
      resumable: false,
      error: null,
      requestId,
      modelDir: project.portablePath(modelDir),
    };
    await createRunFiles(project.runsDir, run, ready.usable);
    await logRun(
      project.runsDir,
      run.id,
      `started on ${run.pairCount} pairs with ${modelDir}: ${JSON.stringify(config)}`,
    );
    return this.#enqueue(project, run, false);
  }

  /** Goes on from the newest checkpoint; a run that has none begins anew. @throws UserError CONFLICT when it is not at rest */
  async resume(runId: string): Promise<Run> {
    const project = this.#workbench.requireProject();
    const run = await this.#stored(runId);
    if (this.#live.has(runId))
      throw new UserError('CONFLICT', `Run ${run.name} is ${run.state}.`, 'Wait until it has stopped.');
    if (run.state === 'done') throw new UserError('CONFLICT', `Run ${run.name} is done.`, 'Start a new run.');
    await logRun(project.runsDir, runId, `resumed after step ${run.step}`);
    return this.#enqueue(
      project,
      { ...run, state: 'queued', error: null, endedAt: null, resumable: false },
      true,
    );
  }

  /** Stops a run after its present step, with a checkpoint (`save`) or back at the last one. Does nothing when it is at rest. */
  async stop(runId: string, save: boolean): Promise<Run> {
    const live = this.#live.get(runId);
    if (live === undefined) return this.get(runId);
    live.run.state = 'stopping';
    this.#tell(live.run);
    this.#workbench.jobs.cancel(live.jobId, save ? 'save' : 'discard');
    await live.done;
    return this.get(runId);
  }

  /** Resolves with the run once it is at rest. */
  async ended(runId: string): Promise<Run> {
    await this.#live.get(runId)?.done;
    return this.get(runId);
  }

  async #stored(runId: string): Promise<StoredRun> {
    const live = this.#live.get(runId);
    if (live !== undefined) return live.run;
    const { runsDir } = this.#workbench.requireProject();
    runFolder(runsDir, runId);
    const run = (await readRuns(runsDir)).find((r) => r.id === runId);
    if (run === undefined)
      throw new UserError(
        'NOT_FOUND',
        `run ${runId}: expected one of this project, got an unknown id`,
        'Choose a run from the list.',
      );
    return atRest(run);
  }

  #enqueue(project: OpenProject, run: StoredRun, resume: boolean): Run {
    const { job, done } = this.#workbench.jobs.enqueue({
      kind: 'train',
      title: `Training ${run.name}`,
      lane: 'engine',
      run: (context) => this.#train(project, run, resume, context),
      result: (result) => ({ runId: run.id, ...result }),
    });
    const finished = done.then(
      (result) => this.#finish(project, run, result),
      (error: unknown) => this.#fail(project, run, error),
    );
    this.#live.set(run.id, { run, jobId: job.id, done: finished });
    // The run's last state must be on the disk before its project closes.
    this.#workbench.onProjectClose(() => finished);
    this.#tell(run);
    return toRun(run);
  }

  async #train(
    project: OpenProject,
    run: StoredRun,
    resume: boolean,
    context: JobContext,
  ): Promise<TrainResult> {
    const { runsDir } = project;
    run.state = 'running';
    await saveRun(runsDir, run);
    this.#tell(run);
    const pairs = withVideos(project, await readRunPairs(runsDir, run.id));
    // Steps of an earlier sitting took no time of this one.
    const share = (): number => (run.totalSteps === 0 ? 0 : run.step / run.totalSteps);
    context.continuing(share());
    let toldAt = -Infinity;
    const onEvent = (event: TrainEvent): void => {
      switch (event.type) {
        case 'start':
          run.step = event.step;
          run.totalSteps = event.totalSteps;
          // After a crash the checkpoint may lie behind the last step that was told.
          context.continuing(share());
          for (const { id, reason } of event.excluded)
            void logRun(runsDir, run.id, `pair ${id} left out: ${reason}`);
          for (const { dir, reason } of event.damaged)
            void logRun(runsDir, run.id, `${path.basename(dir)} passed over, it is damaged: ${reason}`);
          void saveRun(runsDir, run).catch(() => undefined);
          break;
        case 'phase':
          context.progress(share(), event.text);
          return;
        case 'metrics': {
          run.step = event.row.step;
          this.#workbench.hub.emit({ type: 'metrics', runId: run.id, rows: [event.row] });
          const { loss } = event.row.values;
          context.progress(
            share(),
            `Step ${run.step} of ${run.totalSteps}${loss === undefined ? '' : `, loss ${loss.toFixed(4)}`}`,
          );
          break;
        }
        default:
          event satisfies never;
      }
      run.secondsLeft = this.#workbench.jobs.get(context.id)?.secondsLeft ?? null;
      if (performance.now() - toldAt < TELL_EVERY_MS) return;
      toldAt = performance.now();
      this.#tell(run);
    };
    return this.#workbench.workers.engine.call(
      'train',
      {
        modelDir: project.resolvePath(run.modelDir),
        cacheDir: featureCacheDir(project),
        runDir: runFolder(runsDir, run.id),
        config: run.config,
        pairs,
        resume,
      },
      { signal: context.signal, onEvent, graceMs: STOP_GRACE_MS },
    );
  }

  async #finish(project: OpenProject, run: StoredRun, result: TrainResult): Promise<void> {
    Object.assign(run, {
      state: result.state,
      step: result.step,
      totalSteps: result.totalSteps,
      adapterDir: result.adapterDir,
      resumable: result.state === 'stopped',
    });
    await this.#rest(project, run, `${result.state} after step ${result.step} of ${result.totalSteps}`);
  }

  async #fail(project: OpenProject, run: StoredRun, error: unknown): Promise<void> {
    const plain = toPlainError(error);
    run.state = plain.code === 'CANCELLED' ? 'stopped' : 'failed';
    run.error = plain.code === 'CANCELLED' ? null : plain;
    run.resumable = true;
    const stack = error instanceof Error && plain.code === 'INTERNAL' ? `\n${error.stack ?? ''}` : '';
    await this.#rest(
      project,
      run,
      `${run.state}: ${plain.message} ${plain.hint}${stack}\n${this.#workbench.workers.engine.log}`.trimEnd(),
    );
  }

  async #rest(project: OpenProject, run: StoredRun, line: string): Promise<void> {
    run.endedAt = Date.now();
    run.secondsLeft = null;
    await logRun(project.runsDir, run.id, line);
    // When even this cannot be written (a full disk), the list still tells the truth: a run without a process is stopped.
    await saveRun(project.runsDir, run).catch(() => undefined);
    this.#live.delete(run.id);
    this.#tell(run);
  }

  #tell(run: StoredRun): void {
    this.#workbench.hub.emit({ type: 'run', run: toRun(run) });
  }
}

/** A stored run whose process is gone cannot be under way. */
function atRest(run: StoredRun): StoredRun {
  const underWay = run.state === 'queued' || run.state === 'running' || run.state === 'stopping';
  return underWay ? { ...run, state: 'stopped', resumable: true } : run;
}

function toRun({ requestId: _requestId, modelDir: _modelDir, ...run }: StoredRun): Run {
  return { ...run };
}

/** Pairs with their videos as they are now. @throws UserError NOT_FOUND naming the first video that is gone */
function withVideos(project: OpenProject, pairs: readonly StoredPair[]): TrainPair[] {
  return pairs.map(({ videoId, ...pair }) => {
    const { video, reason } = engineVideo(project, videoId);
    if (video === null)
      throw new UserError(
        'NOT_FOUND',
        `training: pair ${pair.id}: expected its video, got: ${reason}`,
        'Find the video again in the Library, then resume the run.',
      );
    return { ...pair, video };
  });
}
