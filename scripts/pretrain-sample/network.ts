/**
 * @file The sample model as a training graph: SigLIP tower, projector with 2x2 pooling and Qwen2 decoder over packed rows
 * (see pack.ts), with the auxiliary heads of pretraining. `models/families` builds the same network for one row and a cache;
 * this form is batched, computes the last MLP only where there are labels, and taps the decoder half-way.
 */
import type { DecoderConfig, LlavaOnevisionConfig, SiglipConfig } from '../../src-main/models/config.ts';
import type { Value } from '../../src-main/tensor/graph.ts';
import {
  embedding,
  gelu,
  geluTanh,
  layerNorm,
  linear,
  logSoftmax,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  silu,
} from '../../src-main/tensor/nn.ts';
import {
  add,
  concat,
  div,
  expand,
  gather,
  mul,
  neg,
  reduceMean,
  reduceSum,
  reshape,
  slice,
  softplus,
  sub,
  transpose,
} from '../../src-main/tensor/ops.ts';

/** Finds a weight by its canonical name. */
export type Weights = (name: string) => Value;

/** [B, T, heads * d] as rows [B*T, ...] -> [B, heads, T, d]. */
const split = (x: Value, batch: number, rows: number, heads: number, d: number): Value =>
  transpose(reshape(x, [batch, rows, heads, d]), [0, 2, 1, 3]);
/** [B, heads, T, d] -> [B*T, heads * d]. */
const join = (x: Value, batch: number, rows: number, width: number): Value =>
  reshape(transpose(x, [0, 2, 1, 3]), [batch * rows, width]);

/** SigLIP tower: patches [N*P, 3*p*p] (channel, row, column) -> features after the last layer [N*P, Hv]. */
export function tower(w: Weights, c: SiglipConfig, patches: Value, frames: number): Value {
  const count = Math.floor(c.imageSize / c.patchSize) ** 2; // P
  const at = c.prefix;
  const patchWeight = reshape(w(`${at}embeddings.patch_embedding.weight`), [
    c.hidden,
    c.channels * c.patchSize ** 2,
  ]);
  let x = linear(patches, patchWeight, w(`${at}embeddings.patch_embedding.bias`)); // [N*P, Hv]
  x = add(reshape(x, [frames, count, c.hidden]), w(`${at}embeddings.position_embedding.weight`));
  x = reshape(x, [frames * count, c.hidden]);
  const d = c.hidden / c.heads;
  const dense = (y: Value, name: string) => linear(y, w(`${name}.weight`), w(`${name}.bias`));
  for (let i = 0; i < c.layers; i++) {
    const layer = `${at}encoder.layers.${i}`;
    const norm = (y: Value, name: string) =>
      layerNorm(y, w(`${layer}.${name}.weight`), w(`${layer}.${name}.bias`), c.layerNormEps);
    const h = norm(x, 'layer_norm1');
    const heads = (name: string) => split(dense(h, `${layer}.self_attn.${name}`), frames, count, c.heads, d);
    const seen = scaledDotProductAttention(heads('q_proj'), heads('k_proj'), heads('v_proj')); // [N, H, P, d]
    x = add(x, dense(join(seen, frames, count, c.hidden), `${layer}.self_attn.out_proj`));
    const activation = c.activation === 'gelu' ? gelu : geluTanh;
    const m = activation(dense(norm(x, 'layer_norm2'), `${layer}.mlp.fc1`)); // [N*P, Fv]
    x = add(x, dense(m, `${layer}.mlp.fc2`));
  }
  return x;
}

/**
 * Projector and pooling: [N*P, Hv] -> [N * P/4, H]. Bilinear halving of an even grid is the mean of 2x2 squares; a mean
 * commutes with a linear, so it is taken before the second one.
 */
export function project(w: Weights, c: LlavaOnevisionConfig, features: Value, frames: number): Value {
  const grid = Math.floor(c.vision.imageSize / c.vision.patchSize);
  if (grid % 2 !== 0) throw new Error(`sample model: expected an even patch grid, got ${grid} a side`);
  const half = grid / 2;
  const at = 'multi_modal_projector';
  const h = gelu(linear(features, w(`${at}.linear_1.weight`), w(`${at}.linear_1.bias`))); // [N*P, H]
  const pooled = reduceMean(reshape(h, [frames * half, 2, half, 2, c.text.hidden]), [1, 3]); // [N*g/2, g/2, H]
  const rows = reshape(pooled, [frames * half * half, c.text.hidden]);
  return linear(rows, w(`${at}.linear_2.weight`), w(`${at}.linear_2.bias`));
}

/** What the decoder reads; B rows of T tokens. */
export type DecoderInputs = {
  batch: number;
  length: number;
  /** [B, T] int32 */
  ids: Value;
  /** cos and sin of the rotary angles at each position, [B, 1, T, d]. */
  cos: Value;
  sin: Value;
  /** [B, 1, 1, T, T], added to the scores. */
  mask: Value;
  /** Pooled, projected frames [B * F * tokens, H], and where the first goes in a row; the newline vector follows them. */
  video: Value;
  videoStart: number;
  videoTokens: number;
  /** [K] int32: rows of [B*T] whose next token is wanted. */
  at: Value;
};

/** Qwen2 decoder: logits [K, V] at the wanted positions, and the hidden states [B*T, H] after each layer but the last. */
export function decode(
  w: Weights,
  c: LlavaOnevisionConfig,
  inputs: DecoderInputs,
): { logits: Value; hidden: Value[] } {
  const { batch, length, videoStart, videoTokens } = inputs;
  const t: DecoderConfig = c.text;
  const H = t.hidden;
  const table = w(`${t.prefix}embed_tokens.weight`);
  const words = (from: number, to: number) => embedding(table, slice(inputs.ids, 1, from, to));
  const newline = expand(reshape(w('image_newline'), [1, 1, H]), [batch, 1, H]);
  const embedded = concat(
    [
      words(0, videoStart),
      reshape(inputs.video, [batch, videoTokens - 1, H]),
      newline,
      words(videoStart + videoTokens, length),
    ],
    1,
  ); // [B, T, H]
  let x = reshape(embedded, [batch * length, H]);
  const hidden: Value[] = [];
  for (let i = 0; i < t.layers; i++) {
    const layer = `${t.prefix}layers.${i}`;
    const h = rmsNorm(x, w(`${layer}.input_layernorm.weight`), t.rmsEps);
    const heads = (name: string, n: number) =>
      split(
        linear(h, w(`${layer}.self_attn.${name}.weight`), w(`${layer}.self_attn.${name}.bias`)),
        batch,
        length,
        n,
        t.headDim,
      );
    const q = rotaryEmbedding(heads('q_proj', t.heads), inputs.cos, inputs.sin);
    const k = rotaryEmbedding(heads('k_proj', t.kvHeads), inputs.cos, inputs.sin);
    const seen = scaledDotProductAttention(q, k, heads('v_proj', t.kvHeads), { mask: inputs.mask });
    let attended = join(seen, batch, length, t.heads * t.headDim); // [B*T, H]
    if (i === t.layers - 1) {
      attended = gather(attended, inputs.at, 0); // [K, H]
      x = gather(x, inputs.at, 0);
    }
    x = add(x, linear(attended, w(`${layer}.self_attn.o_proj.weight`)));
    const m = rmsNorm(x, w(`${layer}.post_attention_layernorm.weight`), t.rmsEps);
    const gate = silu(linear(m, w(`${layer}.mlp.gate_proj.weight`)));
    const up = linear(m, w(`${layer}.mlp.up_proj.weight`));
    x = add(x, linear(mul(gate, up), w(`${layer}.mlp.down_proj.weight`)));
    if (i < t.layers - 1) hidden.push(x);
  }
  const last = rmsNorm(x, w(`${t.prefix}norm.weight`), t.rmsEps);
  return { logits: linear(last, w(t.head)), hidden };
}

/** Mean over rows of -sum(target * log p): logits and targets [N, C], rows of targets sum to one. */
export function softCrossEntropy(logits: Value, targets: Value): Value {
  return neg(reduceMean(reduceSum(mul(targets, logSoftmax(logits)), -1)));
}

/**
 * Loss of the per-frame head: `raw` and `targets` [N * colours, 3 + shapes] (there or not, x, y, shape). Position and shape
 * count only where the colour is there.
 */
export function frameLoss(raw: Value, targets: Value, fields: number): Value {
  const there = slice(targets, 1, 0, 1); // [N*C, 1]
  const z = slice(raw, 1, 0, 1);
  const presence = reduceMean(sub(softplus(z), mul(z, there)));
  const some = add(reduceSum(there), 1);
  const off = sub(slice(raw, 1, 1, 3), slice(targets, 1, 1, 3));
  const position = div(reduceSum(mul(mul(off, off), there)), some);
  const shapes = logSoftmax(slice(raw, 1, 3, fields));
  const shape = neg(div(reduceSum(mul(shapes, slice(targets, 1, 3, fields))), some));
  return add(add(presence, mul(position, 2)), mul(shape, 0.5));
}

/** Mean squared error of shifts where the colour is there: `raw` [N, 2], `targets` [N, 3] (there or not, dx, dy). */
export function shiftLoss(raw: Value, targets: Value): Value {
  const there = slice(targets, 1, 0, 1);
  const off = sub(raw, slice(targets, 1, 1, 3));
  return div(reduceSum(mul(mul(off, off), there)), add(reduceSum(there), 1));
}
