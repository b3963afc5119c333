/**
 * @file Attention of some rows, each over a cache of its own, for generation. A step is bound by memory traffic and by the number
 * of small ops, so the caches are read where they lie (only scores are concatenated) and there are few ops: queries and keys rotate
 * together, and the heads of a group are rows of one product.
 */
import { multiplyDims } from '../../tensor/dims.ts';
import type { Dim } from '../../tensor/dims.ts';
import type { Value } from '../../tensor/graph.ts';
import {
  add,
  concat,
  div,
  matMul,
  mul,
  pow,
  reduceMean,
  reshape,
  slice,
  softmax,
  sqrt,
  transpose,
} from '../../tensor/ops.ts';
import type { DecoderConfig } from '../config.ts';

/** Keys (rotated, times D^-1/4) and values of one layer: [B, KV, P, D] in the cache, [B, KV, T, D] for new positions. */
export type LayerCache = { key: Value; value: Value };

/**
 * Rotary tables [B, 1, T, D] for a graph with a cache, made once for all layers: the sign of rotate_half and the scale of the scores
 * are folded in (D^-1/4 on queries and on keys), so that x cos + swap_halves(x) sin is rotated and scaled.
 */
export function cacheTables(
  { headDim }: DecoderConfig,
  { cos, sin }: { cos: Value; sin: Value },
): [cos: Value, sin: Value] {
  const scale = headDim ** -0.25;
  const signs = Float32Array.from({ length: headDim }, (_, i) => (i < headDim / 2 ? -scale : scale));
  return [mul(cos, scale), mul(sin, cos.graph.constant(signs))];
}

/**
 * RMSNorm in the form that ONNX Runtime fuses into one op on the CPU: x / sqrt(mean(x^2) + epsilon) * weight. (nn.ts has the
 * form with the shorter gradient.)
 */
export function stepNorm(x: Value, weight: Value, epsilon: number): Value {
  const meanSquare = reduceMean(pow(x, 2), -1, { keepDims: true });
  return mul(div(x, sqrt(add(meanSquare, epsilon))), weight);
}

/** Projections of T new positions of B rows, their tables (see {@link cacheTables}), and what is seen. */
export type CachedInputs = {
  batch: Dim;
  length: Dim;
  /** [B*T, (H+KV)*D]. */
  queriesAndKeys: Value;
  /** [B*T, KV*D]. */
  values: Value;
  cos: Value;
  sin: Value;
  /** [B, 1, G*T, P+T], added to the scaled scores: the cache's columns first, the T rows repeated for the G heads of a group. */
  mask: Value;
  past: LayerCache;
};

/** The mixed values [B*T, H*D] and the keys and values to append to the cache. */
export function cachedAttention(
  { heads, kvHeads, headDim }: DecoderConfig,
  { batch, length, queriesAndKeys, values, cos, sin, mask, past }: CachedInputs,
): { joined: Value; present: LayerCache } {
  const split = (x: Value, count: number) =>
    transpose(reshape(x, [batch, length, count, headDim]), [0, 2, 1, 3]);
  const both = split(queriesAndKeys, heads + kvHeads); // [B, H+KV, T, D]
  const half = headDim / 2;
  const swapped = concat([slice(both, -1, half), slice(both, -1, 0, half)], -1);
  const turned = add(mul(both, cos), mul(swapped, sin)); // [B, H+KV, T, D]
  const rows = multiplyDims(heads / kvHeads, length);
  const queries = reshape(slice(turned, 1, 0, heads), [batch, kvHeads, rows, headDim]); // [B, KV, G*T, D]
  const present = { key: slice(turned, 1, heads), value: split(values, kvHeads) }; // [B, KV, T, D]
  const scores = concat(
    [matMul(queries, past.key, { transposeB: true }), matMul(queries, present.key, { transposeB: true })],
    -1,
  ); // [B, KV, G*T, P+T]
  const weights = softmax(add(scores, mask));
  const capacity = past.key.shape[2];
  const mixed = add(
    matMul(slice(weights, -1, 0, capacity), past.value),
    matMul(slice(weights, -1, capacity), present.value),
  ); // [B, KV, G*T, D]
  const perHead = reshape(mixed, [batch, heads, length, headDim]);
  const joined = reshape(transpose(perHead, [0, 2, 1, 3]), [multiplyDims(batch, length), heads * headDim]);
  return { joined, present };
}
