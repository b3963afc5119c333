/** @file Weight resolvers for family builders: frozen weights mapped from a checkpoint, or inputs that are trained. */
import type { Graph, Value } from '../tensor/graph.ts';
import { weightFloat32 } from '../tensor/ops.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readWeight } from './checkpoint.ts';
import type { ModelConfig } from './config.ts';
import { weightShapes } from './tensor-names.ts';

const STORED = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** Frozen weights that stay in their safetensors files; float16 and bfloat16 are cast in the graph. */
export function frozenWeights(graph: Graph, checkpoint: Checkpoint): (name: string) => Value {
  const made = new Map<string, Value>();
  return (name) => {
    const known = made.get(name);
    if (known) return known;
    const entry = checkpoint.tensors.get(name);
    if (!entry)
      throw new Error(`internal: the model definition asks for a weight "${name}" that it never declared`);
    // checkpoint.ts let only these three through.
    const dtype = STORED[entry.dtype as keyof typeof STORED];
    const value = weightFloat32(graph, name, dtype, entry.shape, {
      file: entry.file,
      offset: entry.offset,
      length: entry.bytes,
    });
    made.set(name, value);
    return value;
  };
}

/**
 * Weights as float32 graph inputs, declared on first use under their canonical names. `values` is what was declared:
 * the list to differentiate by and the names to feed.
 */
export function inputWeights(
  graph: Graph,
  config: ModelConfig,
): { weights: (name: string) => Value; values: ReadonlyMap<string, Value> } {
  const shapes = weightShapes(config);
  const values = new Map<string, Value>();
  return {
    values,
    weights: (name) => {
      let value = values.get(name);
      if (!value) {
        const shape = shapes.get(name);
        if (!shape)
          throw new Error(
            `internal: the model definition asks for a weight "${name}" that it never declared`,
          );
        value = graph.input(name, 'float32', shape);
        values.set(name, value);
      }
      return value;
    },
  };
}

/** Reads weights as float32 arrays, for feeding or training them. */
export async function readWeights(
  checkpoint: Checkpoint,
  names: Iterable<string>,
): Promise<Map<string, Float32Array>> {
  const arrays = new Map<string, Float32Array>();
  for (const name of names) arrays.set(name, await readWeight(checkpoint, name));
  return arrays;
}
