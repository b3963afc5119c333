/** @file Greedy tokens of a model fixture, through the program's own generation with its cache. */
import type { Checkpoint } from '../../src-main/models/checkpoint.ts';
import type { Tensor } from '../../src-main/tensor/onnxruntime.ts';
import type { ArrayEntry } from './compare.ts';
import type { CheckContext, Row } from './types.ts';

/** What a case says about greedy decoding. */
export type GreedyCase = {
  name: string;
  /** [B, T] with padding. */
  ids: Int32Array;
  attention: Int32Array;
  batch: number;
  tokens: ArrayEntry;
  logits: ArrayEntry | undefined;
  /** Visual features of the whole batch in order, [M, H]. */
  features: Tensor | undefined;
  placeholder: number | undefined;
};

export async function* greedyRows(
  _dir: string,
  _c: Checkpoint,
  _g: GreedyCase,
  _x: CheckContext,
): AsyncGenerator<Row> {}
