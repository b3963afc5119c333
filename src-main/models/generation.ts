/**
 * @file Text generation: prompt and steps over a cache that lives on our side, greedy or seeded sampling, stop tokens, streaming,
 * cancel, log-probabilities, and an adapter that can be on or off over the same prepared weights.
 * `run` blocks its thread: use it in a worker process.
 */
import { setImmediate as nextTick } from 'node:timers/promises';
import { UserError } from '../platform/errors.ts';
import { Random } from '../platform/random.ts';
import type { Seed } from '../platform/random.ts';
import { createSession } from '../tensor/onnxruntime.ts';
import type { Session, SessionOptions, Tensor } from '../tensor/onnxruntime.ts';
import type { Checkpoint } from './checkpoint.ts';
import { hasVision } from './config.ts';
import type { DecoderConfig, ModelConfig } from './config.ts';
import { languageGraph, linearGroups } from './families/language.ts';
import { MASKED, spliceIndex } from './families/masks.ts';
import { ropeTables } from './families/rope.ts';
import { KvCache } from './kv-cache.ts';
import { chooseToken, logSumExp } from './sampling.ts';
import type { Sampling } from './sampling.ts';

/** Visual features in prompt order, one row per placeholder token. */
export type Features = {
  /** [rows, hidden]. */
  data: Float32Array;
  rows: number;
  /** Token id that the rows replace. */
  placeholder: number;
};

/** A tokenized prompt. Its visual placeholders must be as many as its features have rows. */
export type Prompt = { ids: readonly number[]; features?: Features };

/** LoRA matrices by canonical module path; paths that are left out are not adapted. */
export type Adapter = {
  rank: number;
  /** alpha / rank. */
  scale: number;
  /** a [rank, in], b [out, rank]. */
  matrices: ReadonlyMap<string, { a: Float32Array; b: Float32Array }>;
};

export type GenerateOptions = {
  maxNewTokens: number;
  /** Greedy when left out. */
  sampling?: Sampling & { seed: Seed };
  /** Tokens that end the text; the one that ended it is yielded too. */
  stopIds?: readonly number[];
  /** Yields the log-probability of each token and the n most probable ones; 0 for the token's own only. */
  logProbabilities?: number;
  /** Yields a copy of the logits of each step. */
  logits?: boolean;
  /** Aborting throws the signal's reason before the next token. */
  signal?: AbortSignal;
};

/** One generated token. Log-probabilities are log-softmax in float64 over the unmodified float32 logits. */
export type GeneratedToken = {
  id: number;
  logProbability?: number;
  top?: { id: number; logProbability: number }[];
  logits?: Float32Array;
};

/** Why generation ended. */
export type FinishReason = 'stop' | 'length';

/** Options of {@link LanguageModel.open}. */
export type LanguageModelOptions = SessionOptions & {
  /** Rank of the LoRA slots in the graph; without it no adapter can be set. */
  adapterRank?: number;
};

/** New tokens of one row of a run. */
export type RowInput = {
  ids: readonly number[];
  /** For placeholders among the ids; such a row runs alone. */
  features?: Features;
  /** Places in `ids` whose logits are wanted. */
  wanted: readonly number[];
};

/** A language model ready to generate. Several texts may be generated in turn; each has its own cache. */
export class LanguageModel {
  readonly #checkpoint: Checkpoint;
  readonly #session: Session;
  readonly #rank: number | undefined;
  /** LoRA inputs with the adapter on, and off (B all zero). */
  #adapterFeeds: { on: Record<string, Tensor>; off: Record<string, Tensor> } = { on: {}, off: {} };
  #adapterOn = false;

  private constructor(checkpoint: Checkpoint, session: Session, rank: number | undefined) {
    this.#checkpoint = checkpoint;
    this.#session = session;
    this.#rank = rank;
    if (rank !== undefined) this.#loadAdapter({ rank, scale: 0, matrices: new Map() });
  }

  /** Compiles the language model of a checkpoint for a device. */
  static async open(checkpoint: Checkpoint, options: LanguageModelOptions = {}): Promise<LanguageModel> {
    const session = await createSession(languageGraph(checkpoint, options.adapterRank), {
      ...options,
      // A GPU cannot compute shapes with two unknown dimensions: there a run has one row.
      ...(options.device === 'webgpu' ? { dims: { ...options.dims, B: 1 } } : {}),
    });
    return new LanguageModel(checkpoint, session, options.adapterRank);
  }

  /** Whether a run may have several rows. */
  get batches(): boolean {
    return this.#session.device === 'cpu';
  }

  /** Whether the graph has LoRA slots. */
  get adaptable(): boolean {
    return this.#rank !== undefined;
  }

  get config(): ModelConfig {
    return this.#checkpoint.config;
  }

  /** The decoder's sizes. */
  get text(): DecoderConfig {
    return this.config.text;
  }

  /** How the weights reached the runtime, for logs. */
  get weights(): Session['weights'] {
    return this.#session.weights;
  }

  /** Loads an adapter into the slots and turns it on. Its rank may be smaller than the slots'. */
  setAdapter(adapter: Adapter): void {
    this.#loadAdapter(adapter);
    this.#adapterOn = true;
  }

  /** Turns the loaded adapter on or off; off is exactly the base model. */
  set adapterEnabled(on: boolean) {
    this.#adapterOn = on;
  }

  get adapterEnabled(): boolean {
    return this.#adapterOn;
  }

  #loadAdapter({ rank, scale, matrices }: Adapter): void {
    const slots = this.#rank;
    if (slots === undefined || rank > slots)
      throw new Error(
        `internal: setAdapter: expected rank of at most ${slots ?? 'none (opened without adapterRank)'}, got ${rank}`,
      );
    const groups = linearGroups(this.#checkpoint.config.text);
    const known = new Set(groups.flatMap((g) => g.members.map((m) => m.path)));
    for (const path of matrices.keys())
      if (!known.has(path))
        throw new Error(`internal: setAdapter: "${path}" is no linear of this language model`);
    const feeds = { on: {} as Record<string, Tensor>, off: {} as Record<string, Tensor> };
    for (const { name, in: width, members } of groups) {
      const columns = slots * members.length;
      const rows = members.reduce((sum, m) => sum + m.out, 0);
      const a = new Float32Array(columns * width);
      const b = new Float32Array(rows * columns);
      let firstRow = 0;
      members.forEach(({ path, out }, k) => {
        const given = matrices.get(path);
        if (given) {
          if (given.a.length !== rank * width || given.b.length !== out * rank)
            throw new Error(
              `internal: setAdapter: "${path}": expected a [${rank}, ${width}] and b [${out}, ${rank}], got ${given.a.length} and ${given.b.length} values`,
            );
          a.set(given.a, k * slots * width);
          for (let row = 0; row < out; row++)
            for (let i = 0; i < rank; i++)
              b[(firstRow + row) * columns + k * slots + i] = scale * given.b[row * rank + i];
        }
        firstRow += out;
      });
      const [first, second] = [`lora.${name}.a`, `lora.${name}.b`];
      const shape = [rows, columns];
      feeds.on[first] = feeds.off[first] = { dtype: 'float32', shape: [columns, width], data: a };
      feeds.on[second] = { dtype: 'float32', shape, data: b };
      feeds.off[second] = { dtype: 'float32', shape, data: new Float32Array(b.length) };
    }
    this.#adapterFeeds = feeds;
  }

  /**
   * Runs the rows' ids behind what `cache` holds of each and appends to it; gives the logits of what is wanted, [N, V], row by row.
   * `width`: shorter rows are padded to so many positions, which nothing sees. @default the longest row's
   */
  async forward(cache: KvCache, inputs: readonly RowInput[], width?: number): Promise<Float32Array> {
    const { config, text } = this;
    const counts = inputs.map(({ ids }) => ids.length);
    const length = width ?? Math.max(...counts); // T
    const batch = inputs.length; // B
    const ids = new Int32Array(batch * length);
    inputs.forEach((input, b) => ids.set(input.ids, b * length));
    const positions = Array.from({ length: ids.length }, (_, i) => {
      return cache.lengths[Math.floor(i / length)] + (i % length);
    });
    const rope = ropeTables(text.rope, text.headDim, positions);
    const table = [batch, 1, length, text.headDim];
    const rows = inputs.flatMap(({ wanted }, b) => wanted.map((t) => b * length + t));
    const feeds: Record<string, Tensor> = {
      ...(this.#adapterOn ? this.#adapterFeeds.on : this.#adapterFeeds.off),
      ids: int32([batch, length], ids),
      cos: { dtype: 'float32', shape: table, data: rope.cos },
      sin: { dtype: 'float32', shape: table, data: rope.sin },
      mask: stepMask(cache, length, text.heads / text.kvHeads),
      rows: int32([rows.length], rows),
    };
    if (hasVision(config)) {
      // Steps and text-only prompts have no feature; one unused row keeps the shape from being empty.
      const [{ features }] = inputs;
      const given = features ?? { data: new Float32Array(text.hidden), rows: 1, placeholder: -1 };
      const index = features ? spliceIndex(ids, given.placeholder, given.rows) : Int32Array.from(ids.keys());
      feeds.features = { dtype: 'float32', shape: [given.rows, text.hidden], data: given.data };
      feeds.splice = { dtype: 'int32', shape: [ids.length], data: index };
    }
    cache.feed(feeds);
    const outputs = await this.#session.run(feeds);
    cache.append(outputs, length, counts);
    return outputs.logits.data as Float32Array;
  }

  /**
   * Yields tokens as they are chosen. Ends with 'stop' after a stop token (which is yielded) or 'length'.
   * Between tokens the event loop runs, so that a cancel arrives.
   */
  async *generate(prompt: Prompt, options: GenerateOptions): AsyncGenerator<GeneratedToken, FinishReason> {
    const { sampling, signal } = options;
    checkPrompt(prompt, this.config);
    const random = sampling ? new Random(sampling.seed) : undefined;
    const stop = new Set(options.stopIds);
    const cache = this.#emptyCache();
    let ids = prompt.ids;
    for (let step = 0; step < options.maxNewTokens; step++) {
      await nextTick();
      signal?.throwIfAborted();
      const features = step === 0 ? prompt.features : undefined;
      const logits = await this.forward(cache, [{ ids, features, wanted: [ids.length - 1] }]);
      const id = chooseToken(logits, sampling, random);
      yield describeToken(id, logits, options);
      if (stop.has(id)) return 'stop';
      ids = [id];
    }
    return 'length';
  }

  /** Log-probabilities of given continuation tokens after a prompt, in one run: log p(continuation[i] | prompt, earlier). */
  async score(prompt: Prompt, continuation: readonly number[]): Promise<Float64Array> {
    checkPrompt(prompt, this.config);
    const ids = [...prompt.ids, ...continuation];
    const wanted = continuation.map((_, i) => prompt.ids.length - 1 + i);
    if (wanted.length === 0) return new Float64Array(0);
    const logits = await this.forward(this.#emptyCache(), [{ ids, features: prompt.features, wanted }]);
    const vocabulary = logits.length / wanted.length;
    return Float64Array.from(continuation, (id, i) => {
      const row = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
      return row[id] - logSumExp(row);
    });
  }

  /** A cache for one text. A shape must not be empty, hence a capacity of one. */
  #emptyCache(): KvCache {
    return new KvCache(this.text, 1, 1);
  }

  /** Frees the runtime's memory. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

function int32(shape: number[], values: Iterable<number>): Tensor {
  return { dtype: 'int32', shape, data: Int32Array.from(values) };
}

/** Mask [B, 1, G*T, P+T]: the used part of each row's cache, then the new positions causally; repeated for the heads of a group. */
function stepMask({ lengths, capacity }: KvCache, count: number, group: number): Tensor {
  const width = capacity + count;
  const data = new Float32Array(lengths.length * group * count * width);
  let start = 0;
  for (const length of lengths)
    for (let i = 0; i < group * count; i++, start += width) {
      data.fill(MASKED, start + length, start + capacity);
      data.fill(MASKED, start + capacity + (i % count) + 1, start + width);
    }
  return { dtype: 'float32', shape: [lengths.length, 1, group * count, width], data };
}

/** @throws UserError BAD_INPUT when an id has no row in the embedding: tokenizer and weights do not belong together */
export function checkIds(ids: readonly number[], { text }: ModelConfig): void {
  const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= text.vocab);
  if (outside !== undefined)
    throw new UserError(
      'BAD_INPUT',
      `tokenizer: expected token ids in [0, ${text.vocab}), which the model's embedding has, got ${outside}`,
      'Copy tokenizer and weights from the same checkpoint.',
    );
}

/** @throws Error internal when a prompt does not fit the model; UserError as {@link checkIds} does */
export function checkPrompt({ ids, features }: Prompt, config: ModelConfig): void {
  if (ids.length === 0)
    throw new Error('internal: generate: expected a prompt of at least one token, got none');
  checkIds(ids, config);
  if (features && features.data.length !== features.rows * config.text.hidden)
    throw new Error(
      `internal: generate: expected features [${features.rows}, ${config.text.hidden}], got ${features.data.length} values`,
    );
}

function describeToken(id: number, logits: Float32Array, options: GenerateOptions): GeneratedToken {
  const token: GeneratedToken = { id };
  if (options.logits) token.logits = logits.slice();
  if (options.logProbabilities === undefined) return token;
  const normaliser = logSumExp(logits);
  token.logProbability = logits[id] - normaliser;
  token.top = mostProbable(logits, options.logProbabilities).map((best) => ({
    id: best,
    logProbability: logits[best] - normaliser,
  }));
  return token;
}

/** Ids of the n largest logits, largest first. */
function mostProbable(logits: Float32Array, n: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length && n > 0; id++) {
    if (best.length === n && logits[id] <= logits[best[n - 1]]) continue;
    let at = best.length;
    while (at > 0 && logits[best[at - 1]] < logits[id]) at--;
    best.splice(at, 0, id);
    if (best.length > n) best.pop();
  }
  return best;
}
