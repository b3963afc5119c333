/**
 * @file The graph that generation and scoring run: embeddings with features in place, decoder over a cache, logits of chosen
 * rows, optional LoRA slots. One graph serves prompt and single steps, so weights are prepared once.
 */
import { Graph } from '../../tensor/graph.ts';
import { add, matMul } from '../../tensor/ops.ts';
import { multiplyDims } from '../../tensor/dims.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { hasVision } from '../config.ts';
import type { DecoderConfig } from '../config.ts';
import { decoderLinears } from '../tensor-names.ts';
import { frozenWeights } from '../weights.ts';
import type { FamilyContext, JoinedHook } from './context.ts';
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

/** Linears that read the same input and are computed as one product; `name` is the first one's path. */
export type LinearGroup = { name: string; in: number; members: { path: string; out: number }[] };

/** The groups of all adapted linears: q k v, o, gate up, down of every layer. */
export function linearGroups(config: DecoderConfig): LinearGroup[] {
  const groups: LinearGroup[] = [];
  for (const { path, out, in: width } of adaptedLinears(config)) {
    if (/\.(k_proj|v_proj|up_proj)$/.test(path)) groups.at(-1)!.members.push({ path, out });
    else groups.push({ name: path, in: width, members: [{ path, out }] });
  }
  return groups;
}

/**
 * LoRA slots of a rank as inputs, per group of n linears: `lora.<name>.a` [n*r, in], the members' A one below the other, and
 * `lora.<name>.b` [sum of out, n*r], their scaled B on the diagonal. So a group costs two small products, not two each.
 */
function loraInputs(graph: Graph, config: DecoderConfig, rank: number): JoinedHook {
  const pairs = new Map(
    linearGroups(config).map(({ name, in: width, members }) => {
      const slots = rank * members.length;
      const outs = members.reduce((sum, m) => sum + m.out, 0);
      const a = graph.input(`lora.${name}.a`, 'float32', [slots, width]);
      return [name, { a, b: graph.input(`lora.${name}.b`, 'float32', [outs, slots]) }];
    }),
  );
  return ([name], x, base) => {
    const pair = pairs.get(name);
    if (!pair) throw new Error(`internal: languageGraph: no LoRA slots for "${name}"`);
    const down = matMul(x, pair.a, { transposeB: true }); // [N, n*r]
    return add(base, matMul(down, pair.b, { transposeB: true }));
  };
}

/**
 * Inputs: `ids` [B, T] int32; `cos`, `sin` [B, 1, T, D]; `mask` [B, 1, G*T, P+T] (rows repeated for each query
 * head of a group); `past.<i>.key`, `past.<i>.value` [B, KV, P, D];
 * `rows` [N] int32, the flat positions (b * T + t) whose logits are wanted; with vision `features` [M, H] and `splice` [B*T] int32.
 * Outputs: `logits` [N, V]; `present.<i>.key`, `present.<i>.value` [B, KV, T, D].
 */
export function languageGraph(checkpoint: Checkpoint, adapterRank: number | undefined): Graph {
  const { config } = checkpoint;
  const { text } = config;
  const graph = new Graph();
  const context: FamilyContext = {
    graph,
    weights: frozenWeights(graph, checkpoint),
    joined: adapterRank === undefined ? (_, _x, base) => base : loraInputs(graph, text, adapterRank),
  };
  let embeds = embedTokens(context, text, graph.input('ids', 'int32', ['B', 'T']));
  if (hasVision(config)) {
    const features = graph.input('features', 'float32', ['M', text.hidden]);
    embeds = spliceFeatures(embeds, features, graph.input('splice', 'int32', ['B*T']));
  }
  const cacheShape = ['B', text.kvHeads, 'P', text.headDim];
  const { hidden, present } = decoder(context, text, {
    embeds,
    cos: graph.input('cos', 'float32', ['B', 1, 'T', text.headDim]),
    sin: graph.input('sin', 'float32', ['B', 1, 'T', text.headDim]),
    mask: graph.input('mask', 'float32', ['B', 1, multiplyDims(text.heads / text.kvHeads, 'T'), 'P+T']),
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
