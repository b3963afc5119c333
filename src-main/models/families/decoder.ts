/**
 * @file The Qwen2 / Llama decoder: RMSNorm before attention and MLP, grouped query attention with rotary positions, SwiGLU.
 * One definition for generation (with a cache), training (with hooks and any mask) and feature extraction.
 * Reference: transformers' modeling_qwen2.py and modeling_llama.py, eager attention.
 */
import { divideDims, multiplyDims } from '../../tensor/dims.ts';
import type { Dim } from '../../tensor/dims.ts';
import type { Value } from '../../tensor/graph.ts';
import {
  embedding,
  linear,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  silu,
} from '../../tensor/nn.ts';
import { add, concat, gather, mul, reshape, slice, transpose } from '../../tensor/ops.ts';
import type { DecoderConfig } from '../config.ts';
import { cachedAttention, cacheTables, stepNorm } from './cached-attention.ts';
import type { LayerCache } from './cached-attention.ts';
import { hookedLinear, joinedLinear } from './context.ts';
import type { FamilyContext } from './context.ts';

/** Keys and values of one layer: [B, KV, T, D], or [B, KV, P, D] in a cache. */
export type { LayerCache } from './cached-attention.ts';

/** Inputs of {@link decoder}. */
export type DecoderInputs = {
  /** [B, T, H]: token embeddings with media features already in place. */
  embeds: Value;
  /** Rotary tables of the positions, [T, D] or [B, T, D]; see `ropeTables`. */
  cos: Value;
  sin: Value;
  /** Added to the scaled scores: broadcast to [B, KV, G, T, S], e.g. [T, T] or [B, 1, 1, T, T]. With a past see `CachedInputs`. */
  mask: Value;
  /** Keys and values of earlier positions, one per layer; then the tables are [B, 1, T, D]. */
  past?: readonly LayerCache[];
  /**
   * Positions [M] (int32) whose hidden states are wanted; only for B = 1, without a past, and a mask [T, T]. The last layer
   * then computes queries and MLP for these alone: with a long prompt that saves most of a layer in each direction.
   */
  rows?: Value;
  /**
   * Row blocks of attention, for a causal mask and no past: see `scaledDotProductAttention`. T must be a multiple of it.
   * @default 1
   */
  causalBlocks?: number;
};

/** Results of {@link decoder}. */
export type DecoderOutputs = {
  /** Residual stream after each layer, [B, T, H]; with `rows` the last is [1, M, H]. */
  layers: Value[];
  /** After the final norm, [B, T, H] or with `rows` [1, M, H]; the input of {@link headLogits}. */
  hidden: Value;
  /** Keys (rotated) and values of the T given positions, one per layer: what the caller appends to its cache. */
  present: LayerCache[];
};

/** Rows of the embedding table: ids [...] -> [..., H]. */
export function embedTokens(context: FamilyContext, config: DecoderConfig, ids: Value): Value {
  return embedding(context.weights(`${config.prefix}embed_tokens.weight`), ids);
}

/** Logits [..., V] of hidden states [..., H] (after the final norm). Gather the rows you need first: this is the big product. */
export function headLogits(context: FamilyContext, config: DecoderConfig, hidden: Value): Value {
  return linear(hidden, context.weights(config.tied ? `${config.prefix}embed_tokens.weight` : config.head));
}

/** Picks rows of [B, T, H] by flat indices (b * T + t): [N] -> [N, H]. */
export function gatherPositions(hidden: Value, rows: Value): Value {
  const [batch, length, width] = hidden.shape;
  return gather(reshape(hidden, [multiplyDims(batch, length), width]), rows);
}

/**
 * Puts media features into text embeddings. text [B, T, H], features [M, H], index [B*T] or [B, T] int32: for each position
 * its row in the joined table, i.e. its own flat place for text and B*T + k for feature k. See `spliceIndex`.
 */
export function spliceFeatures(text: Value, features: Value, index: Value): Value {
  const [batch, length, width] = text.shape as [Dim, Dim, Dim];
  const rows = multiplyDims(batch, length);
  const table = concat([reshape(text, [rows, width]), features], 0); // [B*T+M, H]
  return reshape(gather(table, reshape(index, [rows])), [batch, length, width]);
}

/** Runs all layers. */
export function decoder(
  context: FamilyContext,
  config: DecoderConfig,
  inputs: DecoderInputs,
): DecoderOutputs {
  const norm = (name: string, x: Value) =>
    (inputs.past ? stepNorm : rmsNorm)(x, context.weights(`${config.prefix}${name}.weight`), config.rmsEps);
  // [B, T, D] -> [B, 1, T, D], so that one table serves all heads.
  const table = (x: Value) =>
    x.shape.length === 3 ? reshape(x, [x.shape[0], 1, x.shape[1], x.shape[2]]) : x;
  const [cos, sin] = inputs.past ? cacheTables(config, inputs) : [table(inputs.cos), table(inputs.sin)];
  const [batch, length, width] = inputs.embeds.shape as [Dim, Dim, Dim];
  const grid = (stream: Value) => reshape(stream, [batch, divideDims(stream.shape[0], batch)!, width]);
  const layers: Value[] = [];
  const present: LayerCache[] = [];
  // The residual stream stays flat, [B*T, H], so that no linear needs a reshape around it.
  let x = reshape(inputs.embeds, [multiplyDims(batch, length), width]);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `layers.${layer}.`;
    const path = `${config.prefix}${at}`;
    const rows = layer === config.layers - 1 ? inputs.rows : undefined;
    const attended = attention(context, config, path, norm(`${at}input_layernorm`, x), {
      batch,
      length,
      cos,
      sin,
      mask: rows ? gather(inputs.mask, rows) : inputs.mask,
      past: inputs.past?.[layer],
      rows,
      causalBlocks: rows ? 1 : (inputs.causalBlocks ?? 1),
    });
    present.push(attended.present);
    x = add(rows ? gather(x, rows) : x, attended.output);
    const y = norm(`${at}post_attention_layernorm`, x);
    const [gate, up] = gateAndUp(context, config, `${path}mlp.`, y);
    x = add(x, hookedLinear(context, `${path}mlp.down_proj`, mul(silu(gate), up), config.mlpBias));
    layers.push(x);
  }
  return { layers: layers.map(grid), hidden: grid(norm('norm', x)), present };
}

/** The two wide linears of the MLP, [N, FFN] each. */
function gateAndUp(context: FamilyContext, config: DecoderConfig, path: string, x: Value): [Value, Value] {
  const paths = [`${path}gate_proj`, `${path}up_proj`] as const;
  const joined = joinedLinear(context, paths, x, config.mlpBias);
  if (joined) return [slice(joined, 1, 0, config.ffn), slice(joined, 1, config.ffn)];
  return [
    hookedLinear(context, paths[0], x, config.mlpBias),
    hookedLinear(context, paths[1], x, config.mlpBias),
  ];
}

/** Queries and keys side by side [N, (H+KV)*D], and values [N, KV*D]. */
function queriesKeysAndValues(
  context: FamilyContext,
  { heads, kvHeads, headDim, qkvBias }: DecoderConfig,
  path: string,
  x: Value,
): { queriesAndKeys: Value; values: Value } {
  const paths = [`${path}q_proj`, `${path}k_proj`, `${path}v_proj`] as const;
  const joined = joinedLinear(context, paths, x, qkvBias);
  const width = (heads + kvHeads) * headDim;
  if (joined) return { queriesAndKeys: slice(joined, 1, 0, width), values: slice(joined, 1, width) };
  const one = (name: string) => hookedLinear(context, name, x, qkvBias);
  return { queriesAndKeys: concat([one(paths[0]), one(paths[1])], 1), values: one(paths[2]) };
}

type AttentionInputs = {
  batch: Dim;
  length: Dim;
  cos: Value;
  sin: Value;
  mask: Value;
  past: LayerCache | undefined;
  rows: Value | undefined;
  causalBlocks: number;
};

/** x [B*T, H] -> [B*T, H], or [M, H] with rows. */
function attention(
  context: FamilyContext,
  config: DecoderConfig,
  path: string,
  x: Value,
  { batch, length, cos, sin, mask, past, rows, causalBlocks }: AttentionInputs,
): { output: Value; present: LayerCache } {
  const { heads, kvHeads, headDim } = config;
  const output = (joined: Value) => hookedLinear(context, `${path}self_attn.o_proj`, joined, config.outBias);
  if (past) {
    const projected = queriesKeysAndValues(context, config, `${path}self_attn.`, x);
    const { joined, present } = cachedAttention(config, {
      batch,
      length,
      ...projected,
      cos,
      sin,
      mask,
      past,
    });
    return { output: output(joined), present };
  }
  const project = (name: string, count: number, input: Value, positions: Dim) => {
    const y = hookedLinear(context, `${path}self_attn.${name}`, input, config.qkvBias); // [B*T, count*D]
    return transpose(reshape(y, [batch, positions, count, headDim]), [0, 2, 1, 3]); // [B, count, T, D]
  };
  const asking = rows ? rows.shape[0] : length;
  const pick = (value: Value, axis: number) => (rows ? gather(value, rows, axis) : value);
  const query = rotaryEmbedding(project('q_proj', heads, pick(x, 0), asking), pick(cos, -2), pick(sin, -2)); // [B, H, T, D], or [1, H, M, D]
  const key = rotaryEmbedding(project('k_proj', kvHeads, x, length), cos, sin); // [B, KV, T, D]
  const value = project('v_proj', kvHeads, x, length); // [B, KV, T, D]
  const mixed = scaledDotProductAttention(query, key, value, { mask, causalBlocks }); // [B, H, T, D]
  const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [multiplyDims(batch, asking), heads * headDim]);
  return { output: output(joined), present: { key, value } };
}
