/** @file Copies graphs: with symbolic dimensions bound to numbers, and the copying step that every rewrite uses. */
import { bindDim, type Dim } from './dims.ts';
import { Graph, isOp, type Node, type OpName, toTyped, type Value } from './graph.ts';

/** Sizes of symbolic dimensions, e.g. {T: 512}. */
export type Bindings = Readonly<Record<string, number>>;

/** Adds a copy of a node to another graph, with new inputs and its dimensions bound. */
export function copyNode(node: Value, inputs: readonly Value[], target: Graph, bindings: Bindings): Value {
  if (isOp(node, 'input')) {
    const { name, dtype, shape } = node.attrs;
    return target.input(name, dtype, bindShape(shape, bindings));
  }
  if (isOp(node, 'weight')) {
    const { name, dtype, shape, source } = node.attrs;
    return target.weight(name, dtype, shape.map(Number), source);
  }
  if (isOp(node, 'dimension')) {
    const dim = bindDim(node.attrs.dim, bindings);
    return typeof dim === 'number' ? target.constant(dim) : target.apply('dimension', [], { dim });
  }
  return copyPlain(node, inputs, target, bindings);
}

function copyPlain<K extends OpName>(
  node: Node<K>,
  inputs: readonly Value[],
  target: Graph,
  bindings: Bindings,
): Value {
  return target.apply(node.op, inputs, bindAttributes(node.attrs, bindings), node.name);
}

/** Names of the attributes that hold one dimension; those that hold a shape are called `shape`. */
const DIMENSION_ATTRIBUTES: ReadonlySet<string> = new Set(['start', 'end', 'before', 'after', 'size']);

function bindAttributes<A extends object>(attrs: A, bindings: Bindings): A {
  const bound = Object.entries(attrs).map(([key, value]: [string, unknown]) => {
    if (key === 'shape') return [key, bindShape(value as readonly Dim[], bindings)];
    return [key, DIMENSION_ATTRIBUTES.has(key) ? bindDim(value as Dim, bindings) : value];
  });
  return Object.fromEntries(bound) as A;
}

/** A shape with its bound symbols replaced. */
function bindShape(shape: readonly Dim[], bindings: Bindings): Dim[] {
  return shape.map((dim) => bindDim(dim, bindings));
}

/** The copy of a value; an internal error when there is none. */
export function mapped(copies: ReadonlyMap<Value, Value>, value: Value): Value {
  const copy = copies.get(value);
  if (!copy) throw new Error(`internal: rewrite: value %${value.id} (${value.op}) has no copy`);
  return copy;
}

/**
 * A copy of the graph whose int64 inputs and constants are int32: GPUs have no 64-bit integers, and the runtime would move
 * whatever touches one to the CPU. Indices fit; the session converts the feeds.
 */
export function narrowIndices(graph: Graph): Graph {
  const target = new Graph();
  const copies = new Map<Value, Value>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => mapped(copies, input));
    copies.set(node, narrowed(node, inputs, target));
  }
  for (const [name, value] of graph.outputs) target.output(name, mapped(copies, value));
  target.verify();
  return target;
}

function narrowed(node: Value, inputs: readonly Value[], target: Graph): Value {
  if (node.dtype === 'int64') {
    if (isOp(node, 'input')) return target.input(node.attrs.name, 'int32', node.shape);
    if (isOp(node, 'constant'))
      return target.constant(toTyped('int32', node.attrs.data), node.attrs.shape, 'int32');
    if (isOp(node, 'cast')) return target.apply('cast', [inputs[0]], { dtype: 'int32' });
  }
  return copyNode(node, inputs, target, {});
}
