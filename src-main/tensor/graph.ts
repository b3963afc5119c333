/** @file The graph: an append-only list of values, its builder, verification and printed form. Knows nothing of any runtime. */
import { type Dim, formatShape, normaliseDim, sameShape, sizeOf } from './dims.ts';
import {
  type DType,
  isOp,
  type Node,
  type OpName,
  type Ops,
  type TypedArray,
  type Value,
  type WeightSource,
} from './op-table.ts';
import { inferType } from './shape-rules.ts';

export type { Dim } from './dims.ts';
export { isOp } from './op-table.ts';
export type { DType, Node, OpName, TypedArray, Value, WeightSource } from './op-table.ts';

/** Bytes per element. */
const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  int32: 4,
  int64: 8,
  bool: 1,
  uint8: 1,
};

/** Array class that holds each dtype. */
export const ARRAY_OF = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  uint8: Uint8Array,
} as const satisfies Record<DType, unknown>;

/** A graph of ops. Values are added in topological order and never changed; rewrites build a new graph. */
export class Graph {
  readonly #nodes: Value[] = [];
  readonly #outputs = new Map<string, Value>();
  readonly #names = new Set<string>();

  /** All values, in topological order. */
  get nodes(): readonly Value[] {
    return this.#nodes;
  }

  /** Named outputs, in the order they were declared. */
  get outputs(): ReadonlyMap<string, Value> {
    return this.#outputs;
  }

  /** Named inputs, in the order they were declared. */
  get inputs(): readonly Node<'input'>[] {
    return this.#nodes.filter((node) => isOp(node, 'input'));
  }

  /** A value fed at every run. A string in the shape names a symbolic dimension, e.g. ['T', 512]. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    this.#claim(name);
    return this.apply('input', [], { name, dtype, shape: shape.map(normaliseDim) }, name);
  }

  /** A frozen weight that stays in its file. float16 and bfloat16 must be cast before use (`weightFloat32` in ops.ts). */
  weight(name: string, dtype: DType, shape: readonly number[], source: WeightSource): Value {
    this.#claim(name);
    const bytes = Number(sizeOf(shape)) * BYTES_PER_ELEMENT[dtype];
    if (source.length !== bytes) {
      throw new Error(
        `weight '${name}': expected ${bytes} bytes for ${dtype}${formatShape(shape)}, got ${source.length} in ${source.file} — the file does not match its header`,
      );
    }
    return this.apply('weight', [], { name, dtype, shape, source }, name);
  }

  /**
   * A constant. A number gives a scalar (or fills `shape`). dtype defaults to the array's own; number and number[] to float32.
   */
  constant(data: number | readonly number[] | TypedArray, shape?: readonly number[], dtype?: DType): Value {
    const type = dtype ?? dtypeOfData(data);
    const dims = shape ?? (typeof data === 'number' ? [] : [data.length]);
    const size = Number(sizeOf(dims));
    const array = typeof data === 'number' ? filled(type, size, data) : toTyped(type, data);
    if (array.length !== size) {
      throw new Error(
        `constant: expected ${size} elements for shape ${formatShape(dims)}, got ${array.length}`,
      );
    }
    return this.apply('constant', [], { data: array, dtype: type, shape: dims });
  }

  /** Declares a value as a named output. */
  output(name: string, value: Value): void {
    if (value.graph !== this)
      throw new Error(`output '${name}': expected a value of this graph, got one of another graph`);
    if (this.#outputs.has(name) || this.#names.has(name)) {
      throw new Error(`output '${name}': expected a new name, got one that an input, weight or output has`);
    }
    this.#outputs.set(name, value);
  }

  /** Appends an op; its dtype and shape come from the op's shape rule. Use the functions in ops.ts instead. */
  apply<K extends OpName>(op: K, inputs: Ops[K]['inputs'], attrs: Ops[K]['attrs'], name?: string): Node<K> {
    for (const input of inputs) {
      if (input.graph !== this) throw new Error(`${op}: expected values of one graph, got values of two`);
    }
    const { dtype, shape } = inferType(op, inputs, attrs);
    const node: Node<K> = { id: this.#nodes.length, op, inputs, attrs, dtype, shape, graph: this, name };
    this.#nodes.push(node);
    return node;
  }

  /** Checks order, names and that every recorded type is what the shape rules say. Throws `internal:` errors. */
  verify(): void {
    const names = new Set<string>();
    this.#nodes.forEach((node, index) => {
      const where = `internal: graph value %${index} (${node.op})`;
      if (node.id !== index || node.graph !== this) throw new Error(`${where}: wrong id or graph`);
      for (const input of node.inputs) {
        if (input.id >= index || this.#nodes[input.id] !== input)
          throw new Error(`${where}: input %${input.id} is not an earlier value`);
      }
      if (node.name !== undefined) {
        if (names.has(node.name)) throw new Error(`${where}: name '${node.name}' used twice`);
        names.add(node.name);
      }
      const { dtype, shape } = inferType(node.op, node.inputs, node.attrs);
      if (dtype !== node.dtype || !sameShape(shape, node.shape)) {
        throw new Error(
          `${where}: expected ${dtype}${formatShape(shape)}, got ${node.dtype}${formatShape(node.shape)}`,
        );
      }
    });
    for (const [name, value] of this.#outputs) {
      if (this.#nodes[value.id] !== value)
        throw new Error(`internal: output '${name}' is not a value of this graph`);
    }
  }

  /** The graph as text, one value a line. */
  toString(): string {
    const lines = this.#nodes.map((node) => `  ${formatNode(node)}`);
    for (const [name, value] of this.#outputs) lines.push(`  output ${name} = %${value.id}`);
    return `graph {\n${lines.join('\n')}\n}`;
  }

  #claim(name: string): void {
    if (this.#names.has(name)) throw new Error(`graph: expected a new name, got '${name}' a second time`);
    this.#names.add(name);
  }
}

/** '%3: float32[T, 4] = add(%1, %2)'. */
export function formatNode(node: Value): string {
  const operands = node.inputs.map((input) => `%${input.id}`);
  for (const [key, value] of Object.entries(node.attrs)) {
    if (key === 'dtype' && node.op !== 'cast') continue;
    if (key === 'shape' && node.inputs.length === 0) continue;
    const text = formatAttribute(value);
    if (text !== undefined) operands.push(`${key}=${text}`);
  }
  return `%${node.id}: ${node.dtype}${formatShape(node.shape)} = ${node.op}(${operands.join(', ')})`;
}

function formatAttribute(value: unknown): string | undefined {
  if (value === false) return undefined;
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  if (ArrayBuffer.isView(value)) {
    const data = value as TypedArray;
    const head = [...data.subarray(0, 4)].map((item) => Number(Number(item).toPrecision(7)));
    return data.length > 4 ? `[${head.join(', ')}, ... ${data.length}]` : `[${head.join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null && 'offset' in value) return `@${String(value.offset)}`;
  return String(value);
}

function dtypeOfData(data: number | readonly number[] | TypedArray): DType {
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Uint16Array) {
    throw new Error(
      'constant: expected a dtype with a Uint16Array (float16 or bfloat16), got none — pass it as the third argument',
    );
  }
  return 'float32';
}

/** Converts data to the array class of a dtype; keeps it when it already is that class. */
export function toTyped(dtype: DType, data: readonly number[] | TypedArray): TypedArray {
  const Class = ARRAY_OF[dtype];
  if (data instanceof Class) return data;
  if (dtype === 'float16' || dtype === 'bfloat16') {
    throw new Error(`constant: expected the bits of ${dtype} in a Uint16Array, got other data`);
  }
  if (dtype === 'int64') return BigInt64Array.from(data as readonly number[], (item) => BigInt(item));
  if (data instanceof BigInt64Array) return toTyped(dtype, Array.from(data, Number));
  return (Class as Float32ArrayConstructor).from(data as readonly number[]);
}

function filled(dtype: DType, size: number, value: number): TypedArray {
  return toTyped(dtype, new Array<number>(size).fill(value));
}
