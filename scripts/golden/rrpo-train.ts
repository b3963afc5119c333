/**
 * @file Checks the training-trajectory fixture: LoRA training by RRPO and DPO from a given adapter over given pairs, step by
 * step, through the same layout, graph and optimizer that real runs use; with prefix sharing and in two rows.
 */
import path from 'node:path';
import { AdamW, globalNorm, GradientAccumulator } from '../../src-main/align/adamw.ts';
import {
  adapterParameters,
  loraTargets,
  readLoraTensors,
  type LoraAdapter,
} from '../../src-main/align/adapter.ts';
import { layOut, type EncodedPair } from '../../src-main/align/batch.ts';
import { parseTrainingConfig, type TrainingConfig } from '../../src-main/align/config.ts';
import { StepMetrics } from '../../src-main/align/metrics.ts';
import { TrainingStep } from '../../src-main/align/training-graph.ts';
import { openCheckpoint, type Checkpoint } from '../../src-main/models/checkpoint.ts';
import type { Features } from '../../src-main/models/generation.ts';
import { VisionEncoder } from '../../src-main/models/vision.ts';
import { readFloats, readInts, type ArrayEntry } from './compare.ts';
import { barOf, type CheckContext, type Checker, type Row } from './types.ts';

type Step = { loss: number; grad_norm: number; pairs: number[]; metrics: Record<string, number[]> };
type Run = { steps: Step[]; files: Record<string, string> };
type Manifest = {
  base_model: string;
  lora: { r: number; alpha: number };
  optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  rrpo: { beta: number; alpha: number };
  dpo: { beta: number };
  pairs: Record<'prompt' | 'chosen' | 'rejected' | 'chosen_signs' | 'rejected_signs' | 'video', ArrayEntry>[];
  rrpo_run: Run;
  dpo_run: Run;
};

/** The README's bar for the final adapter; losses and gradients have the bar of all outputs. */
const ADAPTER_BAR = 1e-3;
/** Wide, so that all rows of a small fixture have one shape: a GPU session is made for each. */
const BUCKETS = { length: 64, labels: 16 };

export const rrpoTrainChecker: Checker = {
  matches: (manifest) => 'rrpo_run' in manifest && 'dpo_run' in manifest,
  async *check(dir, untyped, context) {
    const manifest = untyped as unknown as Manifest;
    const checkpoint = await openCheckpoint(path.resolve(dir, manifest.base_model.split(' ')[0]));
    const pairs = await readPairs(dir, manifest, checkpoint);
    for (const objective of ['rrpo', 'dpo'] as const)
      for (const prefixSharing of [true, false])
        yield* trajectory(dir, manifest, checkpoint, pairs, objective, prefixSharing, context);
  },
};

type Prepared = { pair: EncodedPair; features: Features };

async function readPairs(dir: string, manifest: Manifest, checkpoint: Checkpoint): Promise<Prepared[]> {
  const ints = async (ref: ArrayEntry) => [...(await readInts(dir, ref))];
  const encoder = await VisionEncoder.open(checkpoint);
  const prepared: Prepared[] = [];
  for (const [index, refs] of manifest.pairs.entries()) {
    const answer = async (side: 'chosen' | 'rejected') => {
      const ids = await ints(refs[side]);
      const signs = await ints(refs[`${side}_signs`]);
      return { ids, responseLength: ids.length, phraseOf: signs.map((s) => Math.max(0, s)) };
    };
    const pixels = await readFloats(dir, refs.video);
    prepared.push({
      pair: {
        id: String(index),
        prompt: await ints(refs.prompt),
        promptLabels: [],
        chosen: await answer('chosen'),
        rejected: await answer('rejected'),
      },
      features: await encoder.encodeVideo(pixels, refs.video.shape[0]),
    });
  }
  await encoder.release();
  return prepared;
}

async function* trajectory(
  dir: string,
  manifest: Manifest,
  checkpoint: Checkpoint,
  pairs: Prepared[],
  objective: 'rrpo' | 'dpo',
  prefixSharing: boolean,
  context: CheckContext,
): AsyncGenerator<Row> {
  const { device } = context;
  const bar = barOf(context);
  const run = manifest[`${objective}_run`];
  const { optimizer } = manifest;
  const config: TrainingConfig = parseTrainingConfig({
    objective,
    beta: manifest[objective].beta,
    alpha: manifest.rrpo.alpha,
    loraRank: manifest.lora.r,
    loraAlpha: manifest.lora.alpha,
    prefixSharing,
    device,
  });
  const adapter = await startingAdapter(
    path.join(dir, manifest.rrpo_run.files.lora_init),
    checkpoint,
    manifest,
  );
  const parameters = adapterParameters(adapter);
  const adam = new AdamW(parameters, {
    beta1: optimizer.betas[0],
    beta2: optimizer.betas[1],
    eps: optimizer.eps,
    weightDecay: optimizer.weight_decay,
  });
  const gradients = new GradientAccumulator(parameters);
  const step = new TrainingStep(checkpoint, config, { device, cacheFolder: path.join(dir, '..') });
  const name = `${objective}, ${prefixSharing ? 'shared prompt' : 'two rows'}`;
  const row = (output: string, error: number, limit: number): Row => ({
    output: `${name}: ${output}`,
    error,
    bar: limit,
    pass: error < limit,
  });
  const saved = async (key: string) =>
    readLoraTensors(path.join(dir, run.files[key])).then((tensors) =>
      parameters.map((p) => tensors.get(p.name)?.data ?? new Float32Array(0)),
    );
  const worst = { loss: 0, norm: 0, rewards: 0, kl: 0 };
  try {
    for (const [index, expected] of run.steps.entries()) {
      const metrics = new StepMetrics();
      gradients.reset();
      for (const pair of expected.pairs) {
        const layout = layOut(pairs[pair].pair, config, BUCKETS);
        const result = await step.run(adapter, layout, pairs[pair].features, 1 / expected.pairs.length);
        gradients.add(result.gradients, 1);
        metrics.add([result.metrics]);
      }
      const means = metrics.take();
      const mean = (key: string) =>
        key in expected.metrics
          ? expected.metrics[key].reduce((s, x) => s + x, 0) / expected.pairs.length
          : undefined;
      worst.loss = Math.max(worst.loss, Math.abs(means.loss / expected.loss - 1));
      worst.norm = Math.max(worst.norm, Math.abs(globalNorm(gradients.sums) / expected.grad_norm - 1));
      // Rewards and KL start at rounding noise around 0: measured against the size they reach.
      const margin = mean('rewards_train/margins');
      if (margin !== undefined)
        worst.rewards = Math.max(worst.rewards, Math.abs(means['rewards/margins'] - margin));
      const kl = mean('kl_train/chosen');
      if (kl !== undefined) worst.kl = Math.max(worst.kl, Math.abs(means['kl/chosen'] - kl));
      if (index < 2 && `grads_step${index}` in run.files)
        yield row(
          `gradients at step ${index}`,
          relative(gradients.sums, await saved(`grads_step${index}`)),
          bar,
        );
      adam.step(gradients.sums, optimizer.lr);
      if (index === 0 && 'lora_after_step0' in run.files)
        yield row(
          'adapter after step 0',
          relative(
            parameters.map((p) => p.data),
            await saved('lora_after_step0'),
          ),
          ADAPTER_BAR,
        );
    }
  } finally {
    await step.release();
  }
  yield row('loss, every step', worst.loss, bar);
  yield row('gradient norm, every step', worst.norm, ADAPTER_BAR);
  yield row('reward margin, every step', worst.rewards, ADAPTER_BAR);
  if (objective === 'rrpo') yield row('KL chosen, every step', worst.kl, ADAPTER_BAR);
  yield row(
    'final adapter',
    relative(
      parameters.map((p) => p.data),
      await saved('lora_final'),
    ),
    ADAPTER_BAR,
  );
}

async function startingAdapter(
  file: string,
  checkpoint: Checkpoint,
  manifest: Manifest,
): Promise<LoraAdapter> {
  const tensors = await readLoraTensors(file);
  const matrix = (name: string) => {
    const found = tensors.get(name);
    if (!found) throw new Error(`${file}: expected a tensor for ${name}`);
    return found.data;
  };
  const modules = new Map(
    loraTargets(checkpoint.config).map((target) => [
      checkpoint.config.text.prefix + target.module,
      { ...target, a: matrix(`${target.module}.lora_A`), b: matrix(`${target.module}.lora_B`) },
    ]),
  );
  return { rank: manifest.lora.r, alpha: manifest.lora.alpha, modules };
}

/** L2 of all differences together over L2 of the reference; 1 when sizes differ. */
function relative(actual: readonly Float32Array[], expected: readonly Float32Array[]): number {
  let difference = 0;
  let size = 0;
  for (const [i, a] of actual.entries()) {
    const e = expected[i];
    if (a.length !== e.length) return 1;
    for (let j = 0; j < a.length; j++) {
      difference += (a[j] - e[j]) ** 2;
      size += e[j] ** 2;
    }
  }
  return Math.sqrt(difference / size);
}
