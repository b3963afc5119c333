/**
 * @file Rewrites a graph into a leaner one with the same outputs: dead values go, equal values merge, and the local
 * simplifications below are applied. Rewrites build a new graph, which is verified.
 */
import { addDims, type Dim, sameShape } from './dims.ts';
import { Graph, isOp, type Node, type TypedArray, type Value } from './graph.ts';
import { liveValues } from './onnx-writer.ts';
import { add, concat, matMul, mul, neg, pad, reduceSum, reshape, sub, transpose } from './ops.ts';
import { type Bindings, copyNode, mapped } from './rewrite.ts';

/** A leaner copy of the graph; symbolic dimensions in `bindings` become numbers on the way. */
export function optimizeGraph(graph: Graph, bindings: Bindings = {}): Graph {
  let current = pass(graph, bindings);
  // Simplifications feed each other; each round is cheap, and two or three reach a fixed point.
  for (let round = 0; round < 8; round++) {
    const next = pass(current, {});
    const settled = next.nodes.length === current.nodes.length;
    current = next;
    if (settled) break;
  }
  current.verify();
  return current;
}

function pass(graph: Graph, bindings: Bindings): Graph {
  const target = new Graph();
  const copies = new Map<Value, Value>();
  const known = new Map<string, Value>();
  for (const node of liveValues(graph)) {
    const before = target.nodes.length;
    const inputs = node.inputs.map((input) => mapped(copies, input));
    const plain = copyNode(node, inputs, target, bindings);
    let result = simplify(plain, known) ?? plain;
    // Everything the step added is merged with what was there; what is not used is dropped in the next round.
    for (const added of target.nodes.slice(before)) {
      const key = keyOf(added);
      if (key === undefined) continue;
      const same = known.get(key);
      if (!same) known.set(key, added);
      else if (added === result) result = same;
    }
    copies.set(node, result);
  }
  for (const [name, value] of graph.outputs) target.output(name, mapped(copies, value));
  const live = new Graph();
  const kept = new Map<Value, Value>();
  for (const node of liveValues(target)) {
    kept.set(
      node,
      copyNode(
        node,
        node.inputs.map((input) => mapped(kept, input)),
        live,
        {},
      ),
    );
  }
  for (const [name, value] of target.outputs) live.output(name, mapped(kept, value));
  return live;
}

/** Equal keys mean equal values. Inputs and weights are never merged; large constants only by identity. */
function keyOf(node: Value): string | undefined {
  if (node.op === 'input' || node.op === 'weight') return undefined;
  if (isOp(node, 'constant') && node.attrs.data.length > 64) return undefined;
  return keyFor(node.op, node.inputs, node.attrs);
}

function keyFor(op: string, inputs: readonly Value[], attrs: object): string {
  const text = Object.entries(attrs).map(([key, value]: [string, unknown]) => {
    const plain = ArrayBuffer.isView(value)
      ? Array.from(value as unknown as ArrayLike<unknown>, String)
      : value;
    return `${key}=${JSON.stringify(plain)}`;
  });
  return `${op}(${inputs.map((input) => input.id).join()})${text.join()}`;
}

/** A simpler value equal to the node, or undefined. Only exact identities: no reassociation of sums. */
function simplify(node: Value, known: ReadonlyMap<string, Value>): Value | undefined {
  if (isOp(node, 'add')) return simplifyAdd(node);
  if (isOp(node, 'sub')) {
    const [a, b] = node.inputs;
    if (isConstant(b, 0) && fits(a, node)) return a;
    if (isConstant(a, 0) && fits(b, node)) return neg(b);
    if (isOp(b, 'neg')) return add(a, b.inputs[0]);
  }
  if (isOp(node, 'mul')) return simplifyMul(node);
  if (isOp(node, 'div')) {
    const [a, b] = node.inputs;
    if (isConstant(b, 1) && fits(a, node)) return a;
  }
  if (isOp(node, 'neg')) {
    const [x] = node.inputs;
    if (isOp(x, 'neg')) return x.inputs[0];
    if (isOp(x, 'sub')) return sub(x.inputs[1], x.inputs[0]);
  }
  if (isOp(node, 'reshape')) {
    const [x] = node.inputs;
    if (sameShape(x.shape, node.shape)) return x;
    if (isOp(x, 'reshape')) return reshape(x.inputs[0], node.shape);
    const value = scalarOf(x);
    if (value !== undefined && x.shape.length === 0 && node.shape.every((dim) => dim === 1)) {
      return node.graph.constant(value, node.shape.map(Number), node.dtype);
    }
  }
  if (isOp(node, 'transpose')) {
    const [x] = node.inputs;
    const { permutation } = node.attrs;
    if (permutation.every((axis, at) => axis === at)) return x;
    if (isOp(x, 'transpose'))
      return transpose(
        x.inputs[0],
        permutation.map((axis) => x.attrs.permutation[axis]),
      );
  }
  if (isOp(node, 'expand') && sameShape(node.inputs[0].shape, node.shape)) return node.inputs[0];
  if (isOp(node, 'matMul')) return simplifyMatMul(node);
  if (isOp(node, 'reduceSum')) return productSum(node, known);
  // A broadcasting op repeats its operands by itself.
  return withoutExpands(node);
}

function simplifyAdd(node: Node<'add'>): Value | undefined {
  const [a, b] = node.inputs;
  if (isConstant(b, 0) && fits(a, node)) return a;
  if (isConstant(a, 0) && fits(b, node)) return b;
  if (isOp(b, 'neg')) return sub(a, b.inputs[0]);
  if (isOp(a, 'neg')) return sub(b, a.inputs[0]);
  return joinedPads(node) ?? withoutExpands(node);
}

function simplifyMul(node: Node<'mul'>): Value | undefined {
  const [a, b] = node.inputs;
  for (const [x, y] of [
    [a, b],
    [b, a],
  ]) {
    if (isConstant(y, 1) && fits(x, node)) return x;
    if (isConstant(y, -1) && fits(x, node)) return neg(x);
    const outer = scalarOf(y);
    if (outer !== undefined && isOp(x, 'mul')) {
      // (v * c) * d = v * (c d)
      const [inner] = x.inputs.map(scalarOf).filter((value) => value !== undefined);
      const rest = x.inputs.find((value) => scalarOf(value) === undefined);
      if (inner !== undefined && rest && fits(rest, node)) return mul(rest, inner * outer);
    }
  }
  return withoutExpands(node);
}

/** matMul reads operands transposed by flag, so transposes of the last two axes vanish into it. */
function simplifyMatMul(node: Node<'matMul'>): Value | undefined {
  const [a, b] = node.inputs.map((x) => {
    const rank = x.shape.length;
    const swaps =
      isOp(x, 'transpose') &&
      x.attrs.permutation.every(
        (axis, at) => axis === (at < rank - 2 ? at : at === rank - 2 ? rank - 1 : rank - 2),
      );
    return swaps && isOp(x, 'transpose') ? { source: x.inputs[0], flip: true } : { source: x, flip: false };
  });
  if (!a.flip && !b.flip) return undefined;
  return matMul(a.source, b.source, {
    transposeA: node.attrs.transposeA !== a.flip,
    transposeB: node.attrs.transposeB !== b.flip,
  });
}

/**
 * sum_j (A B^T)_ij P_ij = sum_d A_id (P B)_id, when P B is already there: in the gradient of attention this replaces two
 * passes over the scores by two over the much smaller output.
 */
function productSum(node: Node<'reduceSum'>, known: ReadonlyMap<string, Value>): Value | undefined {
  const [x] = node.inputs;
  const last = x.shape.length - 1;
  if (!isOp(x, 'mul') || node.attrs.axes.length !== 1 || node.attrs.axes[0] !== last) return undefined;
  for (const [scores, weights] of [x.inputs, x.inputs.toReversed()]) {
    if (!isOp(scores, 'matMul') || scores.attrs.transposeA || !sameShape(scores.shape, weights.shape))
      continue;
    const [a, b] = scores.inputs;
    const flags = { transposeA: false, transposeB: !scores.attrs.transposeB };
    const product = known.get(keyFor('matMul', [weights, b], flags));
    if (product && sameShape(product.shape, a.shape) && isNarrower(product, scores)) {
      return reduceSum(mul(a, product), last, node.attrs);
    }
  }
  return undefined;
}

/** Whether the last axis is surely shorter; without this the rewrite above would undo itself. */
function isNarrower(a: Value, b: Value): boolean {
  const [width, other] = [a, b].map(({ shape }) => shape[shape.length - 1]);
  return typeof width === 'number' && (typeof other === 'string' || width < other);
}

/**
 * Zero-padded parts that lie side by side add up to their padded concatenation: the gradient of split becomes one concat.
 * A part without zeros around it is left as it is.
 */
function joinedPads(node: Node<'add'>): Value | undefined {
  const [a, b] = node.inputs;
  if (!isOp(a, 'pad') || !isOp(b, 'pad') || a.attrs.axis !== b.attrs.axis) return undefined;
  for (const [first, second] of [
    [a, b],
    [b, a],
  ]) {
    const { axis, before } = first.attrs;
    const [x, y] = [first.inputs[0], second.inputs[0]];
    if (addDims(before, x.shape[axis]) !== second.attrs.before) continue;
    const parts = isOp(y, 'concat') && y.attrs.axis === axis ? y.inputs : [y];
    const heads = isOp(x, 'concat') && x.attrs.axis === axis ? x.inputs : [x];
    return pad(concat([...heads, ...parts], axis), axis, before, second.attrs.after);
  }
  return undefined;
}

const BROADCASTING: ReadonlySet<string> = new Set([
  'add',
  'sub',
  'mul',
  'div',
  'maximum',
  'minimum',
  'where',
  'less',
  'greater',
  'equal',
  'and',
]);

function withoutExpands(node: Value): Value | undefined {
  if (!BROADCASTING.has(node.op)) return undefined;
  const inputs = node.inputs.map((input, at) => {
    if (!isOp(input, 'expand')) return input;
    const [source] = input.inputs;
    const covered = node.inputs.some(
      (other, index) => index !== at && covers(other.shape, node.shape, source.shape),
    );
    return covered ? source : input;
  });
  if (inputs.every((input, at) => input === node.inputs[at])) return undefined;
  // Only one operand at a time may rely on the others.
  const first = inputs.findIndex((input, at) => input !== node.inputs[at]);
  const changed = node.inputs.map((input, at) => (at === first ? inputs[at] : input));
  return copyNode(node, changed, node.graph, {});
}

/** Whether an operand of shape `other` alone gives the result its size wherever `source` has 1 or nothing. */
function covers(other: readonly Dim[], result: readonly Dim[], source: readonly Dim[]): boolean {
  return result.every((dim, axis) => {
    const own = source[axis - result.length + source.length] ?? 1;
    return own === dim || (other[axis - result.length + other.length] ?? 1) === dim;
  });
}

/** Whether x already has the node's type, so that it can stand in its place. */
function fits(x: Value, node: Value): boolean {
  return x.dtype === node.dtype && sameShape(x.shape, node.shape);
}

/** The number in a one-element float constant; undefined for anything else. */
function scalarOf(x: Value): number | undefined {
  if (!isOp(x, 'constant')) return undefined;
  const data: TypedArray = x.attrs.data;
  return data.length === 1 && data instanceof Float32Array ? data[0] : undefined;
}

/** Whether x is a constant that is one number throughout. */
function isConstant(x: Value, value: number): boolean {
  return scalarOf(x) === value;
}
