/**
 * @file Composites written only in ops: the layers that model families and losses are made of.
 * Weights follow Hugging Face's layout: a linear weight is [out, in].
 */
import { type Dim, divideDims, multiplyDims, sizeOf } from './dims.ts';
import type { Value } from './graph.ts';
import {
  add,
  concat,
  div,
  erf,
  exp,
  gather,
  gatherLast,
  log,
  matMul,
  mul,
  neg,
  reduceMax,
  reduceMean,
  reduceSum,
  reshape,
  rsqrt,
  sigmoid,
  slice,
  softmax,
  stopGradient,
  sub,
  tanh,
  transpose,
} from './ops.ts';

/**
 * x W^T + b over the last axis: x [..., in], weight [out, in] (or [in, out] with `layout: 'in-out'`), bias [out].
 * Leading axes are flattened, because a broadcast batch product is slow and has no gradient in TensorFlow.js.
 */
export function linear(
  x: Value,
  weight: Value,
  bias?: Value,
  { layout = 'out-in' }: { layout?: 'out-in' | 'in-out' } = {},
): Value {
  const leading = x.shape.slice(0, -1);
  const flat = x.shape.length === 2 ? x : reshape(x, [sizeOf(leading), x.shape[x.shape.length - 1]]);
  let y = matMul(flat, weight, { transposeB: layout === 'out-in' }); // [N, out]
  if (bias) y = add(y, bias);
  return x.shape.length === 2 ? y : reshape(y, [...leading, y.shape[1]]);
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis; x [..., H], weight [H]. */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const meanSquare = reduceMean(mul(x, x), -1, { keepDims: true }); // [..., 1]
  return mul(mul(x, rsqrt(add(meanSquare, epsilon))), weight);
}

/** (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis; weight and bias [H]. */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const centred = sub(x, reduceMean(x, -1, { keepDims: true }));
  const variance = reduceMean(mul(centred, centred), -1, { keepDims: true }); // [..., 1]
  return add(mul(mul(centred, rsqrt(add(variance, epsilon))), weight), bias);
}

/** x * sigmoid(x). */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x));
}

/** Gaussian error linear unit with the error function: x/2 (1 + erf(x / sqrt 2)). */
export function gelu(x: Value): Value {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

/** The tanh form ('gelu_pytorch_tanh'): x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
export function geluTanh(x: Value): Value {
  const cubic = mul(x, add(mul(mul(x, x), 0.044715 * Math.sqrt(2 / Math.PI)), Math.sqrt(2 / Math.PI)));
  return mul(mul(x, 0.5), add(tanh(cubic), 1));
}

/** x - max - log(sum(exp(x - max))) over the last axis. Not the runtime's LogSoftmax, which leaves the GPU. */
export function logSoftmax(x: Value): Value {
  const shifted = sub(x, stopGradient(reduceMax(x, -1, { keepDims: true })));
  return sub(shifted, log(reduceSum(exp(shifted), -1, { keepDims: true })));
}

/**
 * Rotary position embedding, half-split as in Hugging Face: x cos + rotate_half(x) sin.
 * x [..., T, D] or [T, H, D]; cos and sin must broadcast to it, e.g. [T, D] or [T, 1, D] (both halves filled).
 */
export function rotaryEmbedding(x: Value, cos: Value, sin: Value): Value {
  const size = x.shape[x.shape.length - 1];
  const half = divideDims(size, 2);
  if (half === undefined) throw new Error(`rotaryEmbedding: expected an even head size, got ${size}`);
  const rotated = concat([neg(slice(x, -1, half)), slice(x, -1, 0, half)], -1);
  return add(mul(x, cos), mul(rotated, sin));
}

/** Shapes and options of attention. */
export interface AttentionOptions {
  /** Added to the scaled scores; must broadcast to [B, KV, G, T, S] from the right, e.g. [T, S] or [B, 1, 1, T, S]. */
  readonly mask?: Value;
  /** Defaults to 1 / sqrt(D). */
  readonly scale?: number;
  /**
   * Says that the mask hides every key behind its query (row t sees only columns <= t, T = S), and computes the scores in
   * this many row blocks, each up to its own end: 4 blocks save 3/8 of the work. T must be divisible: a number, or '4*Q'.
   * @default 1
   */
  readonly causalBlocks?: number;
}

/**
 * softmax(q k^T * scale + mask) v with grouped query heads.
 * q [B, H, T, D], k and v [B, KV, S, D] with H a multiple of KV; result [B, H, T, D].
 * Query heads of one group are stacked as rows, so k and v are never repeated.
 */
export function scaledDotProductAttention(
  q: Value,
  k: Value,
  v: Value,
  options: AttentionOptions = {},
): Value {
  const [batch, heads, queries, size] = q.shape;
  const [, keyHeads, keys] = k.shape;
  const group = divideDims(heads, keyHeads);
  if (group === undefined || typeof size !== 'number') {
    throw new Error(
      `scaledDotProductAttention: expected q [B, H, T, D] with H a multiple of the key heads, got q [${q.shape.join(', ')}], k [${k.shape.join(', ')}]`,
    );
  }
  const blocks = options.causalBlocks ?? 1;
  const height = divideDims(queries, blocks);
  if (height === undefined || (blocks > 1 && queries !== keys)) {
    throw new Error(
      `scaledDotProductAttention: expected T = S divisible by ${blocks} causal blocks, got T ${queries} and S ${keys}`,
    );
  }
  const outer = multiplyDims(batch, keyHeads);
  const rows = multiplyDims(group, height);
  const grouped = reshape(mul(q, options.scale ?? 1 / Math.sqrt(size)), [outer, group, queries, size]);
  const flatKeys = reshape(k, [outer, keys, size]); // [B*KV, S, D]
  const flatValues = reshape(v, [outer, keys, size]); // [B*KV, S, D]
  const parts = Array.from({ length: blocks }, (_, block) => {
    const [start, end] = [multiplyDims(height, block), multiplyDims(height, block + 1)];
    const seen = blocks === 1 ? keys : end;
    const stacked = reshape(slice(grouped, 2, start, end), [outer, rows, size]); // [B*KV, G*t, D]
    let scores = matMul(stacked, slice(flatKeys, 1, 0, seen), { transposeB: true }); // [B*KV, G*t, s]
    if (options.mask) {
      const mask = blocks === 1 ? options.mask : maskBlock(options.mask, start, end);
      scores = reshape(add(reshape(scores, [batch, keyHeads, group, height, seen]), mask), [
        outer,
        rows,
        seen,
      ]);
    }
    return reshape(matMul(softmax(scores), slice(flatValues, 1, 0, seen)), [outer, group, height, size]);
  });
  return reshape(concat(parts, 2), [batch, heads, queries, size]);
}

/** Rows start..end and columns 0..end of a mask [..., T, S]; an axis of size 1 is broadcast and stays. */
function maskBlock(mask: Value, start: Dim, end: Dim): Value {
  const [rows, columns] = mask.shape.slice(-2);
  const part = rows === 1 ? mask : slice(mask, -2, start, end);
  return columns === 1 ? part : slice(part, -1, 0, end);
}

/** [T, H*D] -> [1, H, T, D]: the projection of one row, split into heads. */
export function splitHeads(x: Value, heads: number): Value {
  const [rows, width] = x.shape;
  const size = divideDims(width, heads);
  if (x.shape.length !== 2 || size === undefined) {
    throw new Error(`splitHeads: expected [T, ${heads} * D], got [${x.shape.join(', ')}]`);
  }
  return reshape(transpose(reshape(x, [rows, heads, size]), [1, 0, 2]), [1, heads, rows, size]);
}

/** [1, H, T, D] -> [T, H*D], the inverse of splitHeads. */
export function joinHeads(x: Value): Value {
  const [, heads, rows, size] = x.shape;
  return reshape(transpose(reshape(x, [heads, rows, size]), [1, 0, 2]), [rows, multiplyDims(heads, size)]);
}

/** Rows of a table: weight [V, H], ids [...] (int32 or int64) -> [..., H]. */
export function embedding(weight: Value, ids: Value): Value {
  return gather(weight, ids, 0);
}

/** log p(target) for logits [..., V] and integer targets [...]. */
function targetLogProbabilities(logits: Value, targets: Value): Value {
  const picked = gatherLast(logSoftmax(logits), reshape(targets, [...targets.shape, 1]));
  return reshape(picked, targets.shape);
}

/**
 * Cross-entropy -sum(w log p(target)) / sum(w) for logits [N, V], targets [N] and weights [N] (default: all ones).
 * Targets of ignored places must still be valid ids; give them weight 0.
 */
export function crossEntropy(logits: Value, targets: Value, weights?: Value): Value {
  const losses = neg(targetLogProbabilities(logits, targets)); // [N]
  if (!weights) return reduceMean(losses);
  return div(reduceSum(mul(losses, weights)), reduceSum(weights));
}
