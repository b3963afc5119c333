/** @file Reverse-mode differentiation: walks a graph backwards and appends the graph of the gradients. */
import { formatShape } from './dims.ts';
import { accumulate, GRADIENT, type Pullback } from './gradient-rules.ts';
import { formatNode, type Node, type OpName, type Value } from './graph.ts';

/**
 * The gradients dL/dw of a scalar loss, one per value of `wrt`, with that value's shape.
 * Throws when the loss is not a float scalar, or when a value has no differentiable path to it.
 */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length !== 0 || (loss.dtype !== 'float32' && loss.dtype !== 'float64')) {
    throw new Error(
      `gradients: expected a float scalar as the loss, got ${loss.dtype}${formatShape(loss.shape)} — reduce it first`,
    );
  }
  const { graph } = loss;
  for (const value of wrt) {
    if (value.graph !== graph)
      throw new Error(`gradients: expected values of the loss's graph, got %${value.id} of another graph`);
  }
  // Only values that depend on some wrt are walked, so frozen weights cost nothing.
  const active = new Set<Value>(wrt);
  const nodes = graph.nodes.slice(0, loss.id + 1);
  for (const node of nodes) if (node.inputs.some((input) => active.has(input))) active.add(node);

  const cotangents = new Map<Value, Value>([[loss, graph.constant(1, [], loss.dtype)]]);
  for (const node of nodes.toReversed()) {
    const g = cotangents.get(node);
    if (!g || !active.has(node) || node.inputs.length === 0) continue;
    pullbacks(node, g).forEach((pullback, index) => {
      const input = node.inputs[index];
      if (!pullback || !active.has(input)) return;
      const part = pullback();
      const sum = cotangents.get(input);
      cotangents.set(input, sum ? accumulate(sum, part) : part);
    });
  }
  return wrt.map((value) => {
    const gradient = cotangents.get(value);
    if (!gradient) {
      throw new Error(
        `gradients: expected a differentiable path from the loss to ${formatNode(value)}, got none — check for stopGradient, integer ops or an unused value in\n${graph.toString()}`,
      );
    }
    return gradient;
  });
}

function pullbacks<K extends OpName>(node: Node<K>, g: Value): readonly Pullback[] {
  const rule = GRADIENT[node.op];
  if (rule === 'none') {
    throw new Error(
      `internal: gradients: a gradient reached ${formatNode(node)}, which carries none, in\n${node.graph.toString()}`,
    );
  }
  return rule(node, g);
}
