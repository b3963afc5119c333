/**
 * @file The official loss's batch layout, as inputs of our loss: rows [0, B) chosen, [B, 2B) rejected, `targets` the id AT each
 * position (the shift by one happens here) and `signs` 0 none, k > 0 phrase k, -100 ignored. Used to check the loss
 * against the official code's numbers.
 *
 * Two official behaviours are deliberately not copied: without any sign 0 in the batch the official code takes the smallest
 * phrase id for "no phrase" and drops it, here every sign above 0 is a mark; and marks outside the labels, which the official
 * sum would include with label 0, do not exist here.
 */
import type { Objective } from '../contract/schemas.ts';
import { Graph, type Value } from '../tensor/graph.ts';
import { gradients } from '../tensor/autodiff.ts';
import { gather, reshape } from '../tensor/ops.ts';
import { OBJECTIVES, preferenceLoss, type LossOptions, type SideInputs } from './objectives.ts';

/** A batch as the official code takes it; all arrays [2B, T], C order. */
export type OfficialBatch = {
  pairs: number;
  length: number;
  vocab: number;
  targets: ArrayLike<number>;
  signs: ArrayLike<number>;
};

/** One side as plain numbers; `gather` indexes [2B * T] logits rows. */
export type OfficialSide = {
  gather: Int32Array;
  labels: Int32Array;
  rewarded: Float32Array;
  labelled: Float32Array;
};

/** Labelled positions of one side (0 chosen, 1 rejected); masks are [B, M]. */
function officialSide(batch: OfficialBatch, side: 0 | 1, objective: Objective): OfficialSide {
  const rows: { pair: number; gather: number; label: number; rewarded: boolean }[] = [];
  for (let pair = 0; pair < batch.pairs; pair++) {
    const start = (side * batch.pairs + pair) * batch.length;
    for (let t = 1; t < batch.length; t++) {
      const label = batch.targets[start + t];
      if (label === -100) continue;
      const rewarded = OBJECTIVES[objective].rewards === 'response' || batch.signs[start + t] > 0;
      rows.push({ pair, gather: start + t - 1, label, rewarded });
    }
  }
  const mask = (value: (row: (typeof rows)[number]) => boolean) => {
    const values = new Float32Array(batch.pairs * rows.length);
    rows.forEach((row, m) => (values[row.pair * rows.length + m] = value(row) ? 1 : 0));
    return values;
  };
  return {
    gather: Int32Array.from(rows, (row) => row.gather),
    labels: Int32Array.from(rows, (row) => row.label),
    rewarded: mask((row) => row.rewarded),
    labelled: mask(() => true),
  };
}

/**
 * The loss over inputs `logits` and `reference` [2B * T, V], mean over pairs, with its gradient by `logits` as output
 * `gradient` and every per-pair quantity under its name in `LossOutputs`. `dtype` float64 is for the interpreter.
 */
export function officialLossGraph(
  batch: OfficialBatch,
  options: LossOptions,
  dtype: 'float32' | 'float64' = 'float32',
): Graph {
  const graph = new Graph();
  const rows = 2 * batch.pairs * batch.length;
  const logits = graph.input('logits', dtype, [rows, batch.vocab]);
  const reference = graph.input('reference', dtype, [rows, batch.vocab]);
  const sideInputs = (index: 0 | 1): SideInputs => {
    const side = officialSide(batch, index, options.objective);
    const at = graph.constant(side.gather, [side.gather.length], 'int32');
    const mask = (values: Float32Array): Value =>
      graph.constant(values, [batch.pairs, side.gather.length], dtype);
    return {
      logits: gather(logits, at),
      referenceLogits: gather(reference, at),
      labels: graph.constant(side.labels, [side.labels.length, 1], 'int32'),
      rewarded: mask(side.rewarded),
      labelled: mask(side.labelled),
    };
  };
  const weights = new Float64Array(batch.pairs).fill(1 / batch.pairs);
  const outputs = preferenceLoss(
    {
      chosen: sideInputs(0),
      rejected: sideInputs(1),
      pairWeights: graph.constant(weights, [batch.pairs], dtype),
    },
    options,
  );
  for (const [name, value] of Object.entries(outputs)) if (value) graph.output(name, value);
  const [gradient] = gradients(outputs.loss, [logits]);
  graph.output('gradient', reshape(gradient, [2 * batch.pairs, batch.length, batch.vocab]));
  return graph;
}
