/** @file Writes a graph as an ONNX model; weights stay in their files as external data. */
import path from 'node:path';
import { type Dim, singleSymbol, termsOf } from './dims.ts';
import { type Graph, isOp, type Node, type OpName, toTyped, type Value } from './graph.ts';
import { type OnnxAttribute, type OnnxDomain, OnnxModel } from './onnx-model.ts';
import { EMIT, type Emitter, type OnnxTarget } from './onnx-rules.ts';
import type { DType, TypedArray } from './op-table.ts';

/** Options of {@link writeOnnx}. */
export interface WriteOptions {
  /** Where the model will run. */
  readonly target?: OnnxTarget;
  /** Name under which a weight file lies beside the model; by default its own base name. */
  readonly locate?: (file: string) => string;
}

/** The graph as the bytes of an ONNX model. Values that no output needs are left out. */
export function writeOnnx(graph: Graph, options: WriteOptions = {}): Uint8Array {
  return new Writer(graph, options).write();
}

/** Values that some output depends on, in order. Inputs are always kept: they are the graph's signature. */
export function liveValues(graph: Graph): Value[] {
  const live = new Set<Value>(graph.outputs.values());
  const ordered: Value[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!live.has(node) && node.op !== 'input') continue;
    ordered.push(node);
    for (const input of node.inputs) live.add(input);
  }
  return ordered.reverse();
}

class Writer implements Emitter {
  readonly target: OnnxTarget;
  readonly #graph: Graph;
  readonly #locate: (file: string) => string;
  readonly #model = new OnnxModel();
  readonly #names = new Map<Value, string>();
  readonly #symbols = new Map<string, string>();

  constructor(graph: Graph, { target = 'cpu', locate = (file) => path.basename(file) }: WriteOptions) {
    this.#graph = graph;
    this.target = target;
    this.#locate = locate;
  }

  write(): Uint8Array {
    const outputNames = new Map<Value, string>();
    for (const [name, value] of this.#graph.outputs)
      if (!outputNames.has(value)) outputNames.set(value, name);
    for (const node of liveValues(this.#graph)) {
      let name = this.#emit(node);
      const wanted = outputNames.get(node);
      if (wanted !== undefined && this.#model.renameLast(name, wanted)) name = wanted;
      this.#names.set(node, name);
    }
    for (const [name, value] of this.#graph.outputs) {
      const source = this.#nameOf(value);
      if (source !== name) this.#model.identity(source, name);
      this.#model.output(name, value.dtype, value.shape);
    }
    return this.#model.encode();
  }

  node(
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: OnnxDomain,
  ): string {
    return this.#model.node(op, inputs, attributes, domain);
  }

  constant(dtype: DType, shape: readonly number[], data: TypedArray): string {
    return this.#model.constant(dtype, shape, data);
  }

  integers(values: readonly (number | bigint)[]): string {
    return this.#model.integers(values);
  }

  scalar(dtype: DType, value: number): string {
    return this.#model.constant(dtype, [], toTyped(dtype, [value]));
  }

  dims(shape: readonly Dim[]): string {
    if (shape.every((dim) => typeof dim === 'number')) return this.integers(shape);
    const parts = shape.map((dim) =>
      typeof dim === 'number' ? this.integers([dim]) : this.#expression(dim),
    );
    return parts.length === 1 ? parts[0] : this.node('Concat', parts, { axis: 0 });
  }

  #emit(node: Value): string {
    if (isOp(node, 'input')) {
      this.#model.input(node.attrs.name, node.dtype, node.shape);
      return node.attrs.name;
    }
    if (isOp(node, 'weight')) {
      const { name, dtype, shape, source } = node.attrs;
      this.#model.external(name, dtype, shape.map(Number), this.#locate(source.file), source);
      return name;
    }
    return emitNode(
      node as Node<Exclude<OpName, 'input' | 'weight'>>,
      node.inputs.map((input) => this.#nameOf(input)),
      this,
    );
  }

  #nameOf(value: Value): string {
    const name = this.#names.get(value);
    if (name === undefined)
      throw new Error(`internal: onnx-writer: value %${value.id} (${value.op}) was not emitted`);
    return name;
  }

  /** A polynomial over symbols as int64 nodes (they run on the CPU: bind the dimensions for a GPU). */
  #expression(dim: string): string {
    const known = this.#symbols.get(dim);
    if (known !== undefined) return known;
    const terms = termsOf(dim).map(({ coefficient, symbols }) => {
      const factors = symbols.map((symbol) => this.#symbol(symbol));
      if (coefficient !== 1 || factors.length === 0) factors.push(this.integers([coefficient]));
      return factors.reduce((product, factor) => this.node('Mul', [product, factor]));
    });
    const size = terms.reduce((sum, term) => this.node('Add', [sum, term]));
    this.#symbols.set(dim, size);
    return size;
  }

  #symbol(symbol: string): string {
    const known = this.#symbols.get(symbol);
    if (known !== undefined) return known;
    for (const input of this.#graph.inputs) {
      for (const [axis, dim] of input.shape.entries()) {
        const single = singleSymbol(dim);
        if (single?.symbol !== symbol) continue;
        let size = this.node('Shape', [input.attrs.name], { start: axis, end: axis + 1 });
        if (single.factor !== 1) size = this.node('Div', [size, this.integers([single.factor])]);
        this.#symbols.set(symbol, size);
        return size;
      }
    }
    throw new Error(
      `dimension '${symbol}': expected an input with this dimension or a multiple of it, got none — bind it to a number`,
    );
  }
}

function emitNode<K extends Exclude<OpName, 'input' | 'weight'>>(
  node: Node<K>,
  inputs: readonly string[],
  emitter: Emitter,
): string {
  return EMIT[node.op](node, inputs, emitter);
}
