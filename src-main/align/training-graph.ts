/**
 * @file One training step as one graph: policy forward (adapter on), reference forward (adapter off, the same frozen weights),
 * loss, and the gradients of the adapter. Logits are computed at labelled positions only. A graph holds one pair; a batch
 * is a sum of gradients over pairs, which is the same mean.
 */
import type { Checkpoint } from '../models/checkpoint.ts';
import type { ModelConfig } from '../models/config.ts';
import type { FamilyContext } from '../models/families/context.ts';
import {
  decoder,
  embedTokens,
  gatherPositions,
  headLogits,
  spliceFeatures,
} from '../models/families/decoder.ts';
import { ropeTables } from '../models/families/rope.ts';
import type { Features } from '../models/generation.ts';
import { frozenWeights } from '../models/weights.ts';
import { gradients } from '../tensor/autodiff.ts';
import { multiplyDims } from '../tensor/dims.ts';
import { Graph } from '../tensor/graph.ts';
import { createSession, type Session, type Tensor } from '../tensor/onnxruntime.ts';
import { concat, reshape, split } from '../tensor/ops.ts';
import type { LoraAdapter } from './adapter.ts';
import { fillMask, spliceRows, type PairLayout, type SideLayout } from './batch.ts';
import type { TrainingConfig } from './config.ts';
import { loraInGraph } from './lora.ts';
import type { PairMetrics } from './metrics.ts';
import { preferenceLoss, type SideInputs } from './objectives.ts';

/** What distinguishes training graphs. */
export type TrainingGraphOptions = {
  objective: TrainingConfig['objective'];
  beta: number;
  alpha: number;
  rank: number;
  loraAlpha: number;
  /** Rows per pair: 1 with prefix sharing, else 2. */
  rows: 1 | 2;
  /** Whether the prompt holds video features. */
  features: boolean;
  /** Without gradients the graph only evaluates: log-probabilities, rewards and KL. @default true */
  withGradients?: boolean;
};

/** Row blocks of attention: each sees its own end only, which saves 3/8 of the scores. Divides every bucket of row lengths. */
const CAUSAL_BLOCKS = 4;

/** Symbolic dimensions: Q a quarter of the row length, F features, C and J labelled rows of the chosen and rejected side. */
function buildTrainingGraph(checkpoint: Checkpoint, options: TrainingGraphOptions): Graph {
  const { config } = checkpoint;
  const { text } = config;
  const { rows } = options;
  const length = `${CAUSAL_BLOCKS}*Q`;
  const graph = new Graph();
  const weights = frozenWeights(graph, checkpoint);
  const lora = loraInGraph(graph, config, options.rank, options.loraAlpha);
  const reference: FamilyContext = { graph, weights };
  const policy: FamilyContext = { graph, weights, linear: lora.hook };

  let embeds = embedTokens(reference, text, graph.input('ids', 'int32', [rows, length])); // [R, L, H]
  if (options.features) {
    const features = graph.input('features', 'float32', ['F', text.hidden]);
    embeds = spliceFeatures(embeds, features, graph.input('splice', 'int32', [multiplyDims(rows, length)]));
  }
  const shared = rows === 1;
  const gathers = {
    chosen: graph.input('chosen.gather', 'int32', ['C']),
    rejected: graph.input('rejected.gather', 'int32', ['J']),
  };
  const inputs = {
    embeds,
    cos: graph.input('cos', 'float32', [rows, length, text.headDim]),
    sin: graph.input('sin', 'float32', [rows, length, text.headDim]),
    mask: graph.input('mask', 'float32', shared ? [length, length] : [rows, 1, 1, length, length]),
    // In one row the last layer is computed at the positions that predict labels only.
    causalBlocks: CAUSAL_BLOCKS,
    rows: shared ? concat([gathers.chosen, gathers.rejected], 0) : undefined,
  };
  // [C+J, V], cut in two: one product for both sides reads the head, the largest weight, once.
  const logits = (context: FamilyContext) => {
    const all = decoder(context, text, inputs).hidden; // [R, L, H], or [1, C+J, H]
    const labelled = shared
      ? reshape(all, ['C+J', text.hidden])
      : concat([gatherPositions(all, gathers.chosen), gatherPositions(all, gathers.rejected)], 0);
    const [chosen, rejected] = split(headLogits(context, text, labelled), 0, ['C', 'J']);
    return { chosen, rejected };
  };
  const policyLogits = logits(policy);
  const referenceLogits = logits(reference);
  const side = (name: 'chosen' | 'rejected', size: string): SideInputs => ({
    logits: policyLogits[name], // [M, V]
    referenceLogits: referenceLogits[name],
    labels: graph.input(`${name}.labels`, 'int32', [size, 1]),
    rewarded: graph.input(`${name}.rewarded`, 'float32', [1, size]),
    labelled: graph.input(`${name}.labelled`, 'float32', [1, size]),
  });
  const outputs = preferenceLoss(
    {
      chosen: side('chosen', 'C'),
      rejected: side('rejected', 'J'),
      pairWeights: graph.input('weight', 'float32', [1]),
    },
    options,
  );
  for (const [name, value] of Object.entries(outputs))
    if (value && name !== 'loss') graph.output(name, value);
  if (options.withGradients ?? true) {
    const found = gradients(
      outputs.loss,
      lora.parameters.map((p) => p.value),
    );
    lora.parameters.forEach(({ name }, i) => graph.output(`gradient.${name}`, found[i]));
  }
  graph.verify();
  return graph;
}

/** What one pair gave: its metrics, and its gradients in the order of `adapterParameters` (empty when only evaluated). */
export type PairResult = { metrics: PairMetrics; gradients: Float32Array[] };

/** Where and how a {@link TrainingStep} runs. */
export type StepOptions = {
  device: 'cpu' | 'webgpu';
  threads?: number;
  cacheFolder?: string;
  withGradients?: boolean;
};

/** Sessions kept on a GPU, where each shape has its own and each holds its own copy of the weights. */
const MOST_SESSIONS = 4;

/** Runs pairs through training graphs; keeps the sessions. */
export class TrainingStep {
  readonly #checkpoint: Checkpoint;
  readonly #config: TrainingConfig;
  readonly #options: StepOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(checkpoint: Checkpoint, config: TrainingConfig, options: StepOptions) {
    this.#checkpoint = checkpoint;
    this.#config = config;
    this.#options = options;
  }

  /**
   * Loss, metrics and gradients of one pair. `weight` multiplies the loss, and so the gradients: 1 / (pairs of the optimizer
   * step). Throws when the number of features is not the number of placeholders.
   */
  async run(
    adapter: LoraAdapter,
    layout: PairLayout,
    features: Features | null,
    weight: number,
  ): Promise<PairResult> {
    const session = await this.#session(layout, features);
    const out = await session.run(pairFeeds(this.#checkpoint.config, adapter, layout, features, weight));
    const one = (name: string) => Number(out[name].data[0]);
    const { chosen, rejected } = layout;
    return {
      metrics: {
        loss: one('pairLoss'),
        rewardChosen: one('rewardChosen'),
        rewardRejected: one('rewardRejected'),
        logpChosen: one('logpChosen'),
        logpRejected: one('logpRejected'),
        klChosen: one('klChosen'),
        klRejected: one('klRejected'),
        markedChosen: chosen.counts.marked,
        markedRejected: rejected.counts.marked,
        labelledChosen: chosen.counts.labelled,
        labelledRejected: rejected.counts.labelled,
      },
      gradients: Object.keys(out)
        .filter((name) => name.startsWith('gradient.'))
        .map((name) => out[name].data as Float32Array),
    };
  }

  /** One session serves every shape on the CPU; on a GPU shapes are bound, because shape arithmetic would leave it. */
  async #session(layout: PairLayout, features: Features | null): Promise<Session> {
    const rows = layout.rows === 1 ? 1 : 2;
    const dims = {
      Q: layout.length / CAUSAL_BLOCKS,
      C: layout.chosen.labels.length,
      J: layout.rejected.labels.length,
      ...(features ? { F: features.rows } : {}),
    };
    const bound = this.#options.device !== 'cpu';
    const key = JSON.stringify([rows, features !== null, bound ? dims : null]);
    let session = this.#sessions.get(key);
    // Most recently used last.
    this.#sessions.delete(key);
    if (!session) {
      const oldest = this.#sessions.entries().next().value;
      if (oldest && this.#sessions.size >= MOST_SESSIONS) {
        this.#sessions.delete(oldest[0]);
        await oldest[1].release();
      }
      const config = this.#config;
      const graph = buildTrainingGraph(this.#checkpoint, {
        objective: config.objective,
        beta: config.beta,
        alpha: config.alpha,
        rank: config.loraRank,
        loraAlpha: config.loraAlpha,
        rows,
        features: features !== null,
        withGradients: this.#options.withGradients,
      });
      session = await createSession(graph, {
        device: this.#options.device,
        threads: this.#options.threads || undefined,
        cacheFolder: this.#options.cacheFolder,
        dims: bound ? dims : undefined,
      });
    }
    this.#sessions.set(key, session);
    return session;
  }

  /** Releases all sessions. */
  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }
}

/** The feeds of a training graph for one pair. */
function pairFeeds(
  config: ModelConfig,
  adapter: LoraAdapter,
  layout: PairLayout,
  features: Features | null,
  weight: number,
): Record<string, Tensor> {
  const { text } = config;
  const { rows, length } = layout;
  const { cos, sin } = ropeTables(text.rope, text.headDim, layout.positions);
  const feeds: Record<string, Tensor> = {
    ids: { dtype: 'int32', shape: [rows, length], data: layout.ids },
    cos: { dtype: 'float32', shape: [rows, length, text.headDim], data: cos },
    sin: { dtype: 'float32', shape: [rows, length, text.headDim], data: sin },
    mask: {
      dtype: 'float32',
      shape: rows === 1 ? [length, length] : [rows, 1, 1, length, length],
      data: fillMask(layout),
    },
    weight: { dtype: 'float32', shape: [1], data: Float32Array.of(weight) },
  };
  if (features) {
    feeds.features = { dtype: 'float32', shape: [features.rows, text.hidden], data: features.data };
    feeds.splice = {
      dtype: 'int32',
      shape: [rows * length],
      data: spliceRows(layout, features.placeholder, features.rows),
    };
  }
  const side = (name: 'chosen' | 'rejected', s: SideLayout) => {
    const size = s.labels.length;
    feeds[`${name}.gather`] = { dtype: 'int32', shape: [size], data: s.gather };
    feeds[`${name}.labels`] = { dtype: 'int32', shape: [size, 1], data: s.labels };
    feeds[`${name}.rewarded`] = { dtype: 'float32', shape: [1, size], data: s.rewarded };
    feeds[`${name}.labelled`] = { dtype: 'float32', shape: [1, size], data: s.labelled };
  };
  side('chosen', layout.chosen);
  side('rejected', layout.rejected);
  for (const m of adapter.modules.values()) {
    feeds[`${m.module}.lora_A`] = { dtype: 'float32', shape: [adapter.rank, m.in], data: m.a };
    feeds[`${m.module}.lora_B`] = { dtype: 'float32', shape: [m.out, adapter.rank], data: m.b };
  }
  return feeds;
}
