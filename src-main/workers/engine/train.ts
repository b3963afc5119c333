/** @file Training and its one-step estimate, on pairs whose videos are turned into cached features first. */
import { writeFile } from 'node:fs/promises';
import { initialAdapter } from '../../align/adapter.ts';
import { bucketsFor, layOut } from '../../align/batch.ts';
import { parseTrainingConfig, totalSteps } from '../../align/config.ts';
import type { TrainingConfig } from '../../align/config.ts';
import { answerFormat, encodePair } from '../../align/encode-pair.ts';
import { memoryUse } from '../../align/metrics.ts';
import { train as runTraining } from '../../align/trainer.ts';
import type { TrainPair } from '../../align/trainer.ts';
import { TrainingStep } from '../../align/training-graph.ts';
import type { EngineApi, EngineModel } from '../../jobs/apis.ts';
import type { CallContext } from '../../jobs/protocol.ts';
import { openChatTemplate } from '../../models/chat-template.ts';
import type { Prompt } from '../../models/generation.ts';
import { UserError } from '../../platform/errors.ts';
import { modelFor, releaseModel } from './loaded-model.ts';
import type { LoadedModel } from './loaded-model.ts';

type TrainApi = EngineApi['train'];
type EstimateApi = EngineApi['estimate'];

/** Trains; see `align/trainer.ts`. The language model of earlier calls is freed first, the vision tower once features are cached. */
export async function train(
  request: TrainApi['input'],
  { signal, emit }: CallContext<TrainApi['event']>,
): Promise<TrainApi['output']> {
  const config = parseTrainingConfig(request.config);
  const model = await modelFor(engineModel(request, config));
  await model.releaseLanguage();
  return runTraining({
    runDir: request.runDir,
    modelDir: request.modelDir,
    cacheDir: request.cacheDir,
    config: request.config,
    resume: request.resume,
    signal,
    pairs: request.pairs.map((pair) => withPrompt(pair, model, config, signal)),
    onEvent: (event) => {
      if (event.type === 'start') void model.releaseVision();
      emit(event);
    },
  });
}

/** One real step on the pair with the most tokens, twice: the first run also compiles and warms up. */
export async function estimate(
  { modelDir, cacheDir, config: given, pairs }: EstimateApi['input'],
  { signal }: CallContext<never>,
): Promise<EstimateApi['output']> {
  const config = parseTrainingConfig(given);
  await releaseModel();
  const model = await modelFor(engineModel({ modelDir, cacheDir }, config));
  const { checkpoint, tokenizer } = model.model;
  const format = answerFormat(await openChatTemplate(modelDir), checkpoint.config);
  const longest = pairs.toSorted((a, b) => textLength(b) - textLength(a)).slice(0, 8);
  let best: { layout: ReturnType<typeof layOut>; prompt: Prompt } | undefined;
  for (const pair of longest) {
    const prompt = await withPrompt(pair, model, config, signal).prompt();
    const encoded = encodePair(pair, prompt, tokenizer, format, config);
    if ('reason' in encoded) continue;
    const layout = layOut(encoded.pair, config, bucketsFor(config.device));
    if (best === undefined || layout.tokens > best.layout.tokens) best = { layout, prompt };
  }
  if (best === undefined)
    throw new UserError(
      'BAD_INPUT',
      'estimate: expected a pair that can be trained on, got none',
      'Mark the differing phrases in the Review room.',
    );
  await model.releaseVision();

  const available = process.availableMemory() + process.memoryUsage.rss();
  await resetPeak();
  const step = new TrainingStep(checkpoint, config, {
    device: config.device,
    threads: config.threads,
    cacheFolder: cacheDir,
  });
  try {
    const adapter = initialAdapter(checkpoint.config, config.loraRank, config.loraAlpha, config.seed);
    const features = best.prompt.features ?? null;
    await step.run(adapter, best.layout, features, 1);
    signal.throwIfAborted();
    const started = performance.now();
    await step.run(adapter, best.layout, features, 1);
    const secondsPerPair = (performance.now() - started) / 1000;
    const { rssMb, peakMb } = await memoryUse();
    const seen = Math.min(
      pairs.length * config.epochs,
      totalSteps(config, pairs.length) * config.batchPairs * config.accumulation,
    );
    // Optimizer moments and gradients come on top: three more copies of the adapter.
    const adapterBytes = [...adapter.modules.values()].reduce(
      (sum, m) => sum + m.a.byteLength + m.b.byteLength,
      0,
    );
    const peakBytes = (peakMb ?? rssMb) * 2 ** 20 + 3 * adapterBytes;
    return {
      ...verdict(peakBytes, available, config),
      peakBytes,
      availableBytes: available,
      secondsPerPair,
      secondsTotal: secondsPerPair * seen,
    };
  } finally {
    await step.release();
  }
}

/** Shares of the available memory up to which a run fits well, and up to which it fits at all. */
const FITS = 0.7;
const TIGHT = 0.95;

function verdict(
  peak: number,
  available: number,
  config: TrainingConfig,
): Pick<EstimateApi['output'], 'verdict' | 'advice'> {
  if (peak <= FITS * available) return { verdict: 'fits', advice: [] };
  const advice = [
    `Frames: ${config.frames} -> ${Math.max(1, config.frames >> 1)} about halves the prompt, and the memory with it.`,
    ...(config.prefixSharing ? [] : ['Prefix sharing on: the prompt is held once instead of twice.']),
    ...(config.loraRank > 16
      ? [`LoRA rank: ${config.loraRank} -> 16 needs less for gradients and moments.`]
      : []),
    'A smaller checkpoint of the same family.',
  ];
  return { verdict: peak <= TIGHT * available ? 'tight' : 'will-not-fit', advice };
}

/** Makes the kernel forget this process's peak, so that the next reading is of what follows. Linux only; elsewhere nothing. */
async function resetPeak(): Promise<void> {
  if (process.platform === 'linux') await writeFile('/proc/self/clear_refs', '5').catch(() => undefined);
}

type RequestedPair = TrainApi['input']['pairs'][number];

const textLength = ({ question, chosen, rejected }: RequestedPair): number =>
  question.length + chosen.length + rejected.length;

function withPrompt(
  { video, ...pair }: RequestedPair,
  model: LoadedModel,
  config: TrainingConfig,
  signal: AbortSignal,
): TrainPair {
  // Both answers get the clean video: perturbation is for generating only (`rrpo.md` 2.3).
  return {
    ...pair,
    prompt: async () =>
      model.prompt(pair.question, await model.prepare(video, config.frames, null, { signal })),
  };
}

function engineModel(
  { modelDir, cacheDir }: { modelDir: string; cacheDir: string },
  config: TrainingConfig,
): EngineModel {
  // Features are the same to 1e-6 on either device; the tower runs where training runs.
  return { modelDir, cacheDir, adapterDir: null, device: config.device };
}
