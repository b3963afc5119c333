/** @file What a family definition is given: where weights come from, and hooks into its linears. One definition serves all uses. */
import type { Graph, Value } from '../../tensor/graph.ts';
import { gelu, geluTanh, linear } from '../../tensor/nn.ts';
import { concat } from '../../tensor/ops.ts';
import type { Activation } from '../config.ts';

/**
 * Computes one linear of the language model. `path` is the module's canonical path (no `.weight`); `base(x)` is the frozen
 * x W^T + b. An adapter returns `base(x)` plus its own term; the default is `base(x)` alone.
 */
export type LinearHook = (path: string, x: Value, base: (x: Value) => Value) => Value;

/** What a group of linears gives: `base` [N, sum of out], the outputs of `paths` side by side; x [N, in]. */
export type JoinedHook = (paths: readonly string[], x: Value, base: Value) => Value;

/** The source of a family's weights while a graph is built. */
export type FamilyContext = {
  graph: Graph;
  /**
   * The float32 value of a weight by canonical name: a weight in a file, an input that is trained, ... Called once per
   * use, so it must return the same value for the same name.
   */
  weights: (name: string) => Value;
  /** Hook into every linear of the language model except the head. */
  linear?: LinearHook;
  /**
   * Instead of `linear`, for generation: the frozen weights of linears that read the same input are joined into one product
   * (the runtime folds the join when it compiles, a copy it makes anyway to repack), and this hook may add to its result.
   */
  joined?: JoinedHook;
};

/** x W^T + b with the weights `path.weight` and, where `bias`, `path.bias`; x [..., in] -> [..., out]. */
export function applyLinear(context: FamilyContext, path: string, x: Value, bias: boolean): Value {
  const weight = context.weights(`${path}.weight`);
  return linear(x, weight, bias ? context.weights(`${path}.bias`) : undefined);
}

/** The same through the hook for language-model linears. */
export function hookedLinear(context: FamilyContext, path: string, x: Value, bias: boolean): Value {
  const base = (value: Value) => applyLinear(context, path, value, bias);
  if (context.joined) return context.joined([path], x, base(x));
  return context.linear ? context.linear(path, x, base) : base(x);
}

/** Applies an activation by its configured name. */
export function activate(activation: Activation, x: Value): Value {
  switch (activation) {
    case 'gelu':
      return gelu(x);
    case 'gelu_tanh':
      return geluTanh(x);
    default:
      return activation satisfies never;
  }
}

/**
 * Linears of one input as one product, [N, in] -> [N, sum of out], where the context allows it; undefined where each must be
 * computed on its own.
 */
export function joinedLinear(
  context: FamilyContext,
  paths: readonly string[],
  x: Value,
  bias: boolean,
): Value | undefined {
  if (!context.joined) return undefined;
  const all = (suffix: string) =>
    concat(
      paths.map((path) => context.weights(path + suffix)),
      0,
    );
  return context.joined(paths, x, linear(x, all('.weight'), bias ? all('.bias') : undefined));
}
