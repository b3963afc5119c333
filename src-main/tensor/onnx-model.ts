/** @file An ONNX model under construction: nodes, initializers, value types, and their encoding (onnx.proto3, IR version 10). */
import type { Dim } from './dims.ts';
import type { DType, TypedArray, WeightSource } from './op-table.ts';
import { Message } from './protobuf.ts';

/** An attribute of an ONNX node: integer, list of integers or text; floats are wrapped to tell 1 from 1.0. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** Which operator set a node belongs to. */
export type OnnxDomain = '' | 'com.microsoft';

interface OnnxNode {
  readonly op: string;
  readonly domain: OnnxDomain;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  output: string;
}

const OPSET = 21;
const IR_VERSION = 10;
/** TensorProto.DataType. */
const ELEMENT_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** ONNX's number for a dtype. */
export const elementType = (dtype: DType): number => ELEMENT_TYPE[dtype];

/** Collects the parts of a model and encodes them. */
export class OnnxModel {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: Message[] = [];
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #integers = new Map<string, string>();
  #counter = 0;

  /** Adds a node with one output and returns the output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain: OnnxDomain = '',
  ): string {
    const output = this.#fresh();
    this.#nodes.push({ op, domain, inputs, attributes, output });
    return output;
  }

  /** Gives the last node's output another name. False when `name` is not the last node's output. */
  renameLast(name: string, newName: string): boolean {
    const last = this.#nodes.at(-1);
    if (last?.output !== name) return false;
    last.output = newName;
    return true;
  }

  /** Adds a copy of a value under a given name. */
  identity(input: string, output: string): void {
    this.#nodes.push({ op: 'Identity', domain: '', inputs: [input], attributes: {}, output });
  }

  /** A tensor stored in the model. */
  constant(dtype: DType, shape: readonly number[], data: TypedArray): string {
    const name = this.#fresh();
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.push(tensorHeader(name, dtype, shape).bytes(9, raw));
    return name;
  }

  /** A one-dimensional int64 constant (shapes, axes, bounds); equal ones are stored once. */
  integers(values: readonly (number | bigint)[]): string {
    const key = values.join(',');
    const known = this.#integers.get(key);
    if (known !== undefined) return known;
    const name = this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
    this.#integers.set(key, name);
    return name;
  }

  /** A tensor that stays in a file beside the model. */
  external(
    name: string,
    dtype: DType,
    shape: readonly number[],
    location: string,
    source: WeightSource,
  ): void {
    const tensor = tensorHeader(name, dtype, shape);
    const entries = { location, offset: String(source.offset), length: String(source.length) };
    for (const [key, value] of Object.entries(entries)) {
      tensor.bytes(13, new Message().string(1, key).string(2, value));
    }
    this.#initializers.push(tensor.integer(14, 1));
  }

  /** Declares a model input. */
  input(name: string, dtype: DType, shape: readonly Dim[]): void {
    this.#inputs.push(valueInfo(name, dtype, shape));
  }

  /** Declares a model output. */
  output(name: string, dtype: DType, shape: readonly Dim[]): void {
    this.#outputs.push(valueInfo(name, dtype, shape));
  }

  /** Number of nodes so far. */
  get size(): number {
    return this.#nodes.length;
  }

  /** The encoded ModelProto. */
  encode(): Uint8Array {
    const graph = new Message();
    for (const node of this.#nodes) graph.bytes(1, encodeNode(node));
    graph.string(2, 'rrpo-workbench');
    for (const initializer of this.#initializers) graph.bytes(5, initializer);
    for (const input of this.#inputs) graph.bytes(11, input);
    for (const output of this.#outputs) graph.bytes(12, output);
    return new Message()
      .integer(1, IR_VERSION)
      .string(2, 'rrpo-workbench')
      .bytes(7, graph)
      .bytes(8, new Message().string(1, '').integer(2, OPSET))
      .bytes(8, new Message().string(1, 'com.microsoft').integer(2, 1))
      .finish();
  }

  #fresh(): string {
    return `%${this.#counter++}`;
  }
}

function tensorHeader(name: string, dtype: DType, shape: readonly number[]): Message {
  const tensor = new Message();
  for (const dim of shape) tensor.integer(1, dim);
  return tensor.integer(2, ELEMENT_TYPE[dtype]).string(8, name);
}

function valueInfo(name: string, dtype: DType, shape: readonly Dim[]): Message {
  const dims = new Message();
  for (const dim of shape) {
    dims.bytes(1, typeof dim === 'number' ? new Message().integer(1, dim) : new Message().string(2, dim));
  }
  const tensor = new Message().integer(1, ELEMENT_TYPE[dtype]).bytes(2, dims);
  return new Message().string(1, name).bytes(2, new Message().bytes(1, tensor));
}

function encodeNode({ op, domain, inputs, attributes, output }: OnnxNode): Message {
  const node = new Message();
  for (const input of inputs) node.string(1, input);
  node.string(2, output).string(3, output).string(4, op);
  for (const [name, value] of Object.entries(attributes)) node.bytes(5, encodeAttribute(name, value));
  return domain === '' ? node : node.string(7, domain);
}

function encodeAttribute(name: string, value: OnnxAttribute): Message {
  const attribute = new Message().string(1, name);
  if (typeof value === 'number') return attribute.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return attribute.string(4, value).integer(20, 3);
  if ('float' in value) return attribute.float(2, value.float).integer(20, 1);
  for (const item of value) attribute.integer(8, item);
  return attribute.integer(20, 7);
}
