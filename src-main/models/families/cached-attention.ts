/**
 * @file Attention of one row over a cache, for generation. A step is bound by memory traffic and by the number of small ops,
 * so the cache is read where it lies (only scores are concatenated) and there are few ops: queries and keys rotate together,
 * and the heads of a group are rows of one product.
 */
import { multiplyDims } from '../../tensor/dims.ts';
import type { Dim } from '../../tensor/dims.ts';
import type { Value } from '../../tensor/graph.ts';
import { rotaryEmbedding } from '../../tensor/nn.ts';
import { add, concat, matMul, mul, reshape, slice, softmax, transpose } from '../../tensor/ops.ts';
import type { DecoderConfig } from '../config.ts';

/** Keys (rotated) and values of one layer: [KV, P, D] in the cache, [KV, T, D] for new positions. */
export type LayerCache = { key: Value; value: Value };

/** Projections of T new positions, [T, heads*D] each, their rotary tables [T, D], and what is seen. */
export type CachedInputs = {
  q: Value;
  k: Value;
  v: Value;
  cos: Value;
  sin: Value;
  /** [G*T, P+T], added to the scaled scores: the cache's columns first, the T rows repeated for the G heads of a group. */
  mask: Value;
  past: LayerCache;
};

/** The mixed values [T, H*D] and the keys and values to append to the cache. */
export function cachedAttention(
  { heads, kvHeads, headDim }: DecoderConfig,
  { q, k, v, cos, sin, mask, past }: CachedInputs,
): { joined: Value; present: LayerCache } {
  const [length] = q.shape as [Dim, number];
  const split = (x: Value, count: number) => transpose(reshape(x, [length, count, headDim]), [1, 0, 2]);
  const turned = rotaryEmbedding(split(concat([q, k], 1), heads + kvHeads), cos, sin); // [H+KV, T, D]
  const rows = multiplyDims(heads / kvHeads, length);
  const queries = reshape(slice(turned, 0, 0, heads), [kvHeads, rows, headDim]); // [KV, G*T, D]
  const present = { key: slice(turned, 0, heads), value: split(v, kvHeads) }; // [KV, T, D]
  const scaled = mul(queries, 1 / Math.sqrt(headDim));
  const scores = concat(
    [matMul(scaled, past.key, { transposeB: true }), matMul(scaled, present.key, { transposeB: true })],
    -1,
  ); // [KV, G*T, P+T]
  const weights = softmax(add(scores, mask));
  const capacity = past.key.shape[1];
  const mixed = add(
    matMul(slice(weights, -1, 0, capacity), past.value),
    matMul(slice(weights, -1, capacity), present.value),
  ); // [KV, G*T, D]
  const perHead = reshape(mixed, [heads, length, headDim]);
  return { joined: reshape(transpose(perHead, [1, 0, 2]), [length, heads * headDim]), present };
}
