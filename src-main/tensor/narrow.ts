/**
 * @file Gathering rows of a result without computing the other rows: the gather moves up through every op that works row by
 * row, as far as nothing else needs the full rows. A language model's last MLP, norm and head then run on the labelled
 * positions only, forward and (because the gradient is taken of the narrowed graph) backward.
 */
import { isOp, type Node, type Value } from './graph.ts';
import { gather, reshape } from './ops.ts';
import { copyNode } from './rewrite.ts';

/**
 * Rows `indices` [N] of x [T, ...] -> [N, ...]; equal to `gather(x, indices, 0)`, but computed from the gathered rows of
 * the values that x comes from. Build everything that needs all rows of those before calling this.
 */
export function gatherRows(x: Value, indices: Value): Value {
  if (indices.shape.length !== 1)
    throw new Error(`gatherRows: expected indices [N], got [${indices.shape.join(', ')}]`);
  // [L, W] seen as [1, L, W] and back is itself.
  if (isOp(x, 'reshape') && isOp(x.inputs[0], 'reshape')) {
    return gatherRows(reshape(x.inputs[0].inputs[0], x.shape), indices);
  }
  const narrowable = valuesToNarrow(x);
  const copies = new Map<Value, Value>();
  const rowsOf = (value: Value): Value => {
    let rows = copies.get(value);
    if (!rows) {
      rows = narrowable.has(value) ? narrowed(value, indices, rowsOf) : gather(value, indices, 0);
      copies.set(value, rows);
    }
    return rows;
  };
  return rowsOf(x);
}

/** Values whose rows are only needed where indexed: x, and what feeds nothing but such values row by row. */
function valuesToNarrow(x: Value): ReadonlySet<Value> {
  const reachable = new Set<Value>([x]);
  const users = new Map<Value, Value[]>();
  const nodes = x.graph.nodes.slice(0, x.id + 1).toReversed();
  for (const node of nodes) {
    if (!reachable.has(node)) continue;
    for (const input of node.inputs) {
      reachable.add(input);
      users.set(input, [...(users.get(input) ?? []), node]);
    }
  }
  const chosen = new Set<Value>();
  for (const node of nodes) {
    if (!reachable.has(node) || rowwiseInputs(node) === null) continue;
    const follows = (users.get(node) ?? []).every((user) => {
      const inputs = rowwiseInputs(user);
      return chosen.has(user) && user.inputs.every((input, at) => input !== node || inputs?.[at] === true);
    });
    if (node === x || follows) chosen.add(node);
  }
  return chosen;
}

/**
 * For an op that computes row n of its result from row n of some operands: which operands those are (the others are used
 * whole). null for all other ops.
 */
function rowwiseInputs(node: Value): readonly boolean[] | null {
  const rank = node.shape.length;
  if (rank === 0) return null;
  if (isOp(node, 'matMul')) return rank === 2 && !node.attrs.transposeA ? [true, false] : null;
  if (isOp(node, 'reduceSum') || isOp(node, 'reduceMean') || isOp(node, 'reduceMax')) {
    return node.attrs.axes.includes(0) ? null : [true];
  }
  if (isOp(node, 'softmax')) return rank > 1 ? [true] : null;
  if (isOp(node, 'slice') || isOp(node, 'pad')) return node.attrs.axis > 0 ? [true] : null;
  if (isOp(node, 'concat')) return node.attrs.axis > 0 ? node.inputs.map(() => true) : null;
  if (isOp(node, 'reshape')) return isRegrouping(node) ? [true] : null;
  if (!ELEMENTWISE.has(node.op)) return null;
  const inputs = node.inputs.map(
    (input) => input.shape.length === rank && input.shape[0] === node.shape[0] && input.shape[0] !== 1,
  );
  return inputs.some(Boolean) ? inputs : null;
}

/** A reshape that only splits or joins axes behind the first. */
function isRegrouping(node: Node<'reshape'>): boolean {
  return node.shape[0] === node.inputs[0].shape[0] && node.shape[0] !== 1;
}

const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...[
    'neg',
    'exp',
    'log',
    'sqrt',
    'rsqrt',
    'reciprocal',
    'abs',
    'tanh',
    'sigmoid',
    'softplus',
    'erf',
    'sin',
    'cos',
    'pow',
  ],
  ...[
    'not',
    'cast',
    'stopGradient',
    'add',
    'sub',
    'mul',
    'div',
    'maximum',
    'minimum',
    'less',
    'greater',
    'equal',
    'and',
    'where',
  ],
]);

function narrowed(node: Value, indices: Value, rowsOf: (value: Value) => Value): Value {
  const [count] = indices.shape;
  if (isOp(node, 'reshape')) return reshape(rowsOf(node.inputs[0]), node.shape.with(0, count));
  const rowwise = rowwiseInputs(node);
  const inputs = node.inputs.map((input, at) => (rowwise?.[at] ? rowsOf(input) : input));
  return copyNode(node, inputs, node.graph, {});
}
