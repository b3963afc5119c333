/**
 * @file The graph that generation and scoring run: embeddings with features in place, decoder over a cache, logits of chosen
 * rows, optional LoRA slots. One graph serves prompt and single steps, so weights are prepared once.
 */
import { Graph } from '../../tensor/graph.ts';
import type { Dim } from '../../tensor/dims.ts';
import { add, matMul, mul, reshape } from '../../tensor/ops.ts';
import { multiplyDims } from '../../tensor/dims.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { hasVision } from '../config.ts';
import type { DecoderConfig } from '../config.ts';
import { decoderLinears } from '../tensor-names.ts';
import { frozenWeights } from '../weights.ts';
import type { FamilyContext, LinearHook } from './context.ts';
import { decoder, embedTokens, gatherPositions, headLogits, spliceFeatures } from './decoder.ts';

/** Paths of all linears that LoRA adapts (the language model's, without the head), with their sizes. */
export function adaptedLinears(config: DecoderConfig): { path: string; out: number; in: number }[] {
  return Array.from({ length: config.layers }, (_, layer) =>
    decoderLinears(config).map((l) => ({
      path: `${config.prefix}layers.${layer}.${l.name}`,
      out: l.out,
      in: l.in,
    })),
  ).flat();
}

/** y = base(x) + scale * (x A^T) B^T, the term of LoRA; a [r, in], b [out, r], scale a scalar or number. */
export function loraTerm(x: Parameters<LinearHook>[1], a: typeof x, b: typeof x, scale: typeof x | number) {
  const leading = x.shape.slice(0, -1);
  const rows = leading.reduce<Dim>((product, dim) => multiplyDims(product, dim), 1);
  const flat = reshape(x, [rows, x.shape.at(-1)!]);
  const down = mul(matMul(flat, a, { transposeB: true }), scale); // [N, r]
  return reshape(matMul(down, b, { transposeB: true }), [...leading, b.shape[0]]);
}

/** Inputs `lora.<path>.a`, `lora.<path>.b` and `lora.scale` for every adapted linear. */
function loraInputs(graph: Graph, config: DecoderConfig, rank: number): LinearHook {
  const scale = graph.input('lora.scale', 'float32', []);
  const pairs = new Map(
    adaptedLinears(config).map(({ path, out, in: width }) => [
      path,
      {
        a: graph.input(`lora.${path}.a`, 'float32', [rank, width]),
        b: graph.input(`lora.${path}.b`, 'float32', [out, rank]),
      },
    ]),
  );
  return (path, x, base) => {
    const pair = pairs.get(path);
    return pair ? add(base(x), loraTerm(x, pair.a, pair.b, scale)) : base(x);
  };
}

/**
 * Inputs: `ids` [1, T] int32; `cos`, `sin` [T, D]; `mask` [G*T, P+T] (rows repeated for each query
 * head of a group); `past.<i>.key`, `past.<i>.value` [KV, P, D];
 * `rows` [N] int32, the positions whose logits are wanted; with vision `features` [M, H] and `splice` [T] int32.
 * Outputs: `logits` [N, V]; `present.<i>.key`, `present.<i>.value` [KV, T, D].
 */
export function languageGraph(checkpoint: Checkpoint, adapterRank: number | undefined): Graph {
  const { config } = checkpoint;
  const { text } = config;
  const graph = new Graph();
  const context: FamilyContext = {
    graph,
    weights: frozenWeights(graph, checkpoint),
    join: true,
    ...(adapterRank === undefined ? {} : { linear: loraInputs(graph, text, adapterRank) }),
  };
  let embeds = embedTokens(context, text, graph.input('ids', 'int32', [1, 'T']));
  if (hasVision(config)) {
    const features = graph.input('features', 'float32', ['M', text.hidden]);
    embeds = spliceFeatures(embeds, features, graph.input('splice', 'int32', ['T']));
  }
  const cacheShape = [text.kvHeads, 'P', text.headDim];
  const { hidden, present } = decoder(context, text, {
    embeds,
    cos: graph.input('cos', 'float32', ['T', text.headDim]),
    sin: graph.input('sin', 'float32', ['T', text.headDim]),
    mask: graph.input('mask', 'float32', [multiplyDims(text.heads / text.kvHeads, 'T'), 'P+T']),
    past: Array.from({ length: text.layers }, (_, i) => ({
      key: graph.input(`past.${i}.key`, 'float32', cacheShape),
      value: graph.input(`past.${i}.value`, 'float32', cacheShape),
    })),
  });
  const wanted = gatherPositions(hidden, graph.input('rows', 'int32', ['N']));
  graph.output('logits', headLogits(context, text, wanted));
  present.forEach(({ key, value }, i) => {
    graph.output(`present.${i}.key`, key);
    graph.output(`present.${i}.value`, value);
  });
  return graph;
}
