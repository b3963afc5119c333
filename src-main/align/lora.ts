/**
 * @file LoRA in the graph: the hook that adds scale * (x A^T) B^T to every language-model linear, with A and B as graph inputs,
 * so that an optimizer step needs no new session and leaving the hook out gives the reference model.
 */
import type { ModelConfig } from '../models/config.ts';
import type { LinearHook } from '../models/families/context.ts';
import type { Graph, Value } from '../tensor/graph.ts';
import { linear } from '../tensor/nn.ts';
import { add, mul } from '../tensor/ops.ts';
import { loraTargets } from './adapter.ts';

/** A LoRA adapter's place in a graph. */
export type LoraInGraph = {
  /** For `FamilyContext.linear` of the policy; leave it out for the reference. */
  hook: LinearHook;
  /** The matrices as graph inputs, in the order of `adapterParameters`: A [rank, in] then B [out, rank] of each module. */
  parameters: { name: string; value: Value }[];
};

/** Declares the inputs of an adapter of `rank` on all targets of `config`. */
export function loraInGraph(graph: Graph, config: ModelConfig, rank: number, alpha: number): LoraInGraph {
  const matrices = new Map<string, { a: Value; b: Value }>();
  const parameters: LoraInGraph['parameters'] = [];
  for (const target of loraTargets(config)) {
    const [a, b] = (
      [
        ['lora_A', [rank, target.in]],
        ['lora_B', [target.out, rank]],
      ] as const
    ).map(([which, shape]) => {
      const name = `${target.module}.${which}`;
      const value = graph.input(name, 'float32', shape);
      parameters.push({ name, value });
      return value;
    });
    matrices.set(target.module, { a, b });
  }
  const hook: LinearHook = (path, x, base) => {
    const pair = matrices.get(path.slice(config.text.prefix.length));
    if (!pair) throw new Error(`internal: LoRA: no adapter matrices for the linear "${path}"`);
    // The scale goes on the narrow tensor [..., rank], not on the wide result.
    const low = mul(linear(x, pair.a), alpha / rank);
    return add(base(x), linear(low, pair.b));
  };
  return { hook, parameters };
}
