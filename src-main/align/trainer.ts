/**
 * @file The training loop: pairs in, an adapter out. Everything that could be lost is on the disk before it is reported: the run
 * record before the first step, metrics line by line, checkpoints every N steps and at a stop. A resumed run continues
 * bit for bit on the CPU. Runs in a worker process, because every step blocks its thread.
 */
import path from 'node:path';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { TrainEvent, TrainResult } from '../jobs/apis.ts';
import { CallAborted } from '../jobs/protocol.ts';
import { checkpointHash, openCheckpoint, type Checkpoint } from '../models/checkpoint.ts';
import { UserError } from '../platform/errors.ts';
import { RUNTIME_VERSION } from '../tensor/onnxruntime.ts';
import { Random } from '../platform/random.ts';
import { AdamW, clipFactor, globalNorm, GradientAccumulator } from './adamw.ts';
import { adapterParameters, initialAdapter, writeAdapter, type LoraAdapter } from './adapter.ts';
import { bucketsFor, layOut } from './batch.ts';
import {
  loadCheckpoint,
  newestCheckpoint,
  pruneCheckpoints,
  removeLeftovers,
  saveCheckpoint,
} from './checkpointing.ts';
import { parseTrainingConfig, totalSteps, type TrainingConfig, type TrainingConfigInput } from './config.ts';
import {
  appendMetrics,
  memoryUse,
  metricsFile,
  StepMetrics,
  truncateMetrics,
  type MetricLine,
} from './metrics.ts';
import { preparePairs, type PreparedPair, type TrainPair } from './prepare-pairs.ts';
import {
  differences,
  pairHash,
  readRunRecord,
  runFingerprint,
  softwareVersions,
  writeRunRecord,
  type RunRecord,
} from './run-record.ts';
import { learningRate, warmupStepsFor, type Schedule } from './schedule.ts';
import { TrainingStep } from './training-graph.ts';

export type { TrainPair } from './prepare-pairs.ts';

/** What {@link train} is given. */
export type TrainOptions = {
  /** Folder of this run; made when missing. */
  runDir: string;
  /** Checkpoint folder in Hugging Face layout. */
  modelDir: string;
  pairs: readonly TrainPair[];
  config: TrainingConfigInput;
  /** Continue from the newest checkpoint; without one begin anew. False refuses a folder that holds a run. @default false */
  resume?: boolean;
  /** Stops after the pair under way. The reason `discard` (or a CallAborted with it) ends without a checkpoint. */
  signal?: AbortSignal;
  onEvent?: (event: TrainEvent) => void;
  /** Where weight files may be linked to when the model's own folder is not writable. */
  cacheDir?: string;
};

/** The finished (or stopped) run's adapter, in PEFT layout. */
export const adapterFolder = (runDir: string): string => path.join(runDir, 'adapter');

/** Trains an adapter. Throws a UserError for anything a person can mend; what was saved before stays valid. */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const config = parseTrainingConfig(options.config);
  const { runDir, signal } = options;
  const emit = options.onEvent ?? (() => undefined);
  const existing = await readRunRecord(runDir);
  if (existing && !options.resume)
    throw new UserError(
      'CONFLICT',
      `${runDir}: expected an empty folder for a new run, got one that holds a run`,
      'Resume that run, or choose another folder.',
    );
  emit({ type: 'phase', text: 'Opening the model', fraction: null });
  const checkpoint = await openCheckpoint(options.modelDir);
  const modelHash = await checkpointHash(checkpoint);
  const { prepared, excluded } = await preparePairs(checkpoint, options.pairs, signal, config, emit);
  const record = makeRecord(checkpoint, modelHash, config, prepared, excluded);
  if (existing) {
    const changed = differences(existing, record);
    if (changed !== null)
      throw new UserError(
        'CONFLICT',
        `${runDir}: this run cannot be resumed with what is given now: ${changed}`,
        'Undo the change, or start a new run.',
      );
  } else await writeRunRecord(runDir, record);

  const run = await Run.open(options, config, checkpoint, record, prepared);
  emit({ type: 'start', step: run.step, totalSteps: run.totalSteps, excluded, damaged: run.damaged });
  try {
    while (run.step < run.totalSteps) {
      const line = await run.advance(signal);
      if (line === null) return await run.stop(savesOn(signal!.reason));
      const { step, ...values } = line;
      emit({ type: 'metrics', row: { step, values } });
      if (run.step % config.checkpointEvery === 0 && run.step < run.totalSteps) await run.save();
    }
    return await run.finish();
  } finally {
    await run.release();
  }
}

/** Whether an abort asks for a checkpoint: always, but for the word `discard`. */
function savesOn(reason: unknown): boolean {
  return !(reason === 'discard' || (reason instanceof CallAborted && reason.why === 'discard'));
}

function makeRecord(
  checkpoint: Checkpoint,
  hash: string,
  config: TrainingConfig,
  prepared: readonly PreparedPair[],
  excluded: RunRecord['excluded'],
): RunRecord {
  const pairs = prepared.map(({ source }) => ({
    id: source.id,
    version: source.version,
    sha256: pairHash(source),
  }));
  return {
    format: 1,
    createdAt: new Date().toISOString(),
    model: { dir: checkpoint.dir, family: checkpoint.config.family, hash },
    config,
    pairs,
    excluded,
    versions: softwareVersions(RUNTIME_VERSION),
    fingerprint: runFingerprint(hash, config, pairs),
  };
}

/** The state of a run between steps. */
class Run {
  readonly totalSteps: number;
  /** Newer checkpoints that could not be used, and why. */
  readonly damaged: { dir: string; reason: string }[];
  readonly #options: TrainOptions;
  readonly #config: TrainingConfig;
  readonly #checkpoint: Checkpoint;
  readonly #record: RunRecord;
  readonly #pairs: readonly PreparedPair[];
  readonly #adapter: LoraAdapter;
  readonly #optimizer: AdamW;
  readonly #gradients: GradientAccumulator;
  readonly #schedule: Schedule;
  readonly #stepper: TrainingStep;
  readonly #totalPairs: number;
  #pairsSeen = 0;
  /** Seconds of training before this session, and when this session's first step began. */
  #secondsBefore = 0;
  #startedAt = performance.now();
  #stepsBefore = 0;
  #savedStep = -1;

  private constructor(
    options: TrainOptions,
    config: TrainingConfig,
    checkpoint: Checkpoint,
    record: RunRecord,
    pairs: readonly PreparedPair[],
    adapter: LoraAdapter,
    damaged: Run['damaged'],
  ) {
    this.damaged = damaged;
    this.#options = options;
    this.#config = config;
    this.#checkpoint = checkpoint;
    this.#record = record;
    this.#pairs = pairs;
    this.#adapter = adapter;
    const parameters = adapterParameters(adapter);
    this.#optimizer = new AdamW(parameters, config);
    this.#gradients = new GradientAccumulator(parameters);
    this.totalSteps = totalSteps(config, pairs.length);
    const perStep = config.batchPairs * config.accumulation;
    this.#totalPairs = Math.min(
      Math.max(1, Math.ceil(pairs.length * config.epochs)),
      this.totalSteps * perStep,
    );
    this.#schedule = {
      kind: config.schedule,
      peak: config.learningRate,
      floorRatio: config.floorRatio,
      warmupSteps: warmupStepsFor(config.warmupRatio, this.totalSteps),
      totalSteps: this.totalSteps,
    };
    this.#stepper = new TrainingStep(checkpoint, config, {
      device: config.device,
      threads: config.threads,
      cacheFolder: options.cacheDir,
    });
  }

  /** A new run, or the state of its newest checkpoint. */
  static async open(
    options: TrainOptions,
    config: TrainingConfig,
    checkpoint: Checkpoint,
    record: RunRecord,
    pairs: readonly PreparedPair[],
  ): Promise<Run> {
    const { runDir } = options;
    await removeLeftovers(runDir);
    const { checkpoint: saved, passedOver } = await newestCheckpoint(runDir);
    if (!saved) {
      const adapter = initialAdapter(checkpoint.config, config.loraRank, config.loraAlpha, config.seed);
      await truncateMetrics(metricsFile(runDir), 0);
      return new Run(options, config, checkpoint, record, pairs, adapter, passedOver);
    }
    const content = await loadCheckpoint(saved.dir, checkpoint.config);
    if (content.progress.fingerprint !== record.fingerprint)
      throw new UserError(
        'CONFLICT',
        `${saved.dir}: expected a checkpoint of this run, got one of another (model, pairs or settings differ)`,
        'Start a new run.',
      );
    await truncateMetrics(metricsFile(runDir), saved.step);
    const run = new Run(options, config, checkpoint, record, pairs, content.adapter, passedOver);
    run.#optimizer.restore(content.optimizer);
    run.#pairsSeen = content.progress.pairsSeen;
    run.#secondsBefore = content.progress.seconds;
    run.#stepsBefore = saved.step;
    run.#savedStep = saved.step;
    return run;
  }

  /** Optimizer steps done. */
  get step(): number {
    return this.#optimizer.steps;
  }

  /** Pair number `position` of the run: every epoch is a shuffle of its own, a function of seed and epoch alone. */
  #pairAt(position: number): PreparedPair {
    const epoch = Math.floor(position / this.#pairs.length);
    if (this.#order?.epoch !== epoch) {
      const indices = new Random(this.#config.seed).fork(`order/${epoch}`).shuffle([...this.#pairs.keys()]);
      this.#order = { epoch, indices };
    }
    return this.#pairs[this.#order.indices[position % this.#pairs.length]];
  }
  #order: { epoch: number; indices: number[] } | undefined;

  /** One optimizer step; null when the signal aborted it, with nothing changed. */
  async advance(signal: AbortSignal | undefined): Promise<MetricLine | null> {
    const config = this.#config;
    const started = performance.now();
    const count = Math.min(config.batchPairs * config.accumulation, this.#totalPairs - this.#pairsSeen);
    const metrics = new StepMetrics();
    this.#gradients.reset();
    for (let i = 0; i < count; i++) {
      // Lets an abort arrive: running a session blocks the thread.
      await nextTick();
      if (signal?.aborted) return null;
      const { pair, source, features } = this.#pairAt(this.#pairsSeen + i);
      const given = features ?? (await source.prompt()).features ?? null;
      const layout = layOut(pair, config, bucketsFor(config.device));
      const result = await this.#stepper.run(this.#adapter, layout, given, 1 / count);
      if (!Number.isFinite(result.metrics.loss))
        throw this.#diverged('a finite loss', `${result.metrics.loss} on pair ${source.id}`);
      this.#gradients.add(result.gradients, 1);
      metrics.add([result.metrics]);
    }
    const norm = globalNorm(this.#gradients.sums);
    // A finite loss can have gradients that overflow; one step with them would leave an adapter of NaN, and save it.
    if (!Number.isFinite(norm)) throw this.#diverged('gradients of a finite norm', String(norm));
    const rate = learningRate(this.#schedule, this.step);
    const maxNorm = config.maxGradNorm > 0 ? config.maxGradNorm : null;
    this.#optimizer.step(this.#gradients.sums, rate, clipFactor(norm, maxNorm));
    this.#pairsSeen += count;
    const seconds = (performance.now() - started) / 1000;
    const line: MetricLine = {
      step: this.step,
      epoch: this.#pairsSeen / this.#pairs.length,
      ...metrics.take(),
      grad_norm: norm,
      learning_rate: rate,
      step_seconds: seconds,
      samples_per_second: count / seconds,
      seconds_left: this.#secondsLeft(),
      memory_rss_mb: (await memoryUse()).rssMb,
    };
    await appendMetrics(metricsFile(this.#options.runDir), line);
    return line;
  }

  /** The error of a step whose numbers are not finite. Nothing of that step was applied. */
  #diverged(expected: string, got: string): UserError {
    return new UserError(
      'BAD_INPUT',
      `training: expected ${expected} at step ${this.step + 1}, got ${got}`,
      this.step === 0
        ? 'The adapter changes nothing yet: lower beta if it is large, else copy the model again, whose weights may be damaged.'
        : 'Lower the learning rate or raise the warm-up; the last checkpoint is intact.',
    );
  }

  #secondsLeft(): number {
    const elapsed = (performance.now() - this.#startedAt) / 1000;
    return (elapsed / (this.step - this.#stepsBefore)) * (this.totalSteps - this.step);
  }

  /** Writes a checkpoint of the present step, unless it is there already. */
  async save(): Promise<void> {
    if (this.#savedStep === this.step) return;
    await saveCheckpoint(
      this.#options.runDir,
      {
        progress: {
          step: this.step,
          pairsSeen: this.#pairsSeen,
          fingerprint: this.#record.fingerprint,
          seconds: this.#secondsBefore + (performance.now() - this.#startedAt) / 1000,
        },
        adapter: this.#adapter,
        optimizer: this.#optimizer.state(),
      },
      { config: this.#checkpoint.config, name: path.basename(this.#checkpoint.dir) },
    );
    this.#savedStep = this.step;
    await pruneCheckpoints(this.#options.runDir, this.#config.keepCheckpoints, this.step);
  }

  /** The end of a run that was stopped. */
  async stop(save: boolean): Promise<TrainResult> {
    const saves = save && this.step > 0;
    if (saves) await this.save();
    else await truncateMetrics(metricsFile(this.#options.runDir), Math.max(0, this.#savedStep));
    const step = saves ? this.step : Math.max(0, this.#savedStep);
    return this.#result('stopped', step, saves ? await this.#writeAdapter() : null);
  }

  /** The end of a run that did all its steps. */
  async finish(): Promise<TrainResult> {
    await this.save();
    return this.#result('done', this.step, await this.#writeAdapter());
  }

  async #writeAdapter(): Promise<string> {
    const dir = adapterFolder(this.#options.runDir);
    await writeAdapter(dir, this.#adapter, this.#checkpoint.config, path.basename(this.#checkpoint.dir));
    return dir;
  }

  async #result(state: TrainResult['state'], step: number, written: string | null): Promise<TrainResult> {
    // Without a final adapter, the newest checkpoint's is the run's.
    const { checkpoint } =
      written === null ? await newestCheckpoint(this.#options.runDir) : { checkpoint: null };
    return { state, step, totalSteps: this.totalSteps, adapterDir: written ?? checkpoint?.dir ?? null };
  }

  async release(): Promise<void> {
    await this.#stepper.release();
  }
}
