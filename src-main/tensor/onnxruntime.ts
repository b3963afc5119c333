/**
 * @file The one file that knows ONNX Runtime: sessions on CPU and WebGPU, how weights reach it, and its error wording.
 * `run` blocks its thread, and a bad GPU driver can end the process: use this in a worker process only.
 * Facts about onnxruntime-node 1.30.0 were measured in November 2026.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { bindDim, type Dim, formatShape, singleSymbol, symbolsOf } from './dims.ts';
import { ARRAY_OF, type DType, type Graph, type Node, toTyped, type TypedArray } from './graph.ts';
import { writeOnnx } from './onnx-writer.ts';
import { optimizeGraph } from './optimize.ts';
import { type Bindings, narrowIndices } from './rewrite.ts';
import { codeOf, linkWeights, readWeights, removeStale, temporaryName, weightFiles } from './weight-files.ts';

// The runtime reads this when it is loaded, which the dynamic import below delays until here.
process.env.ORT_DISABLE_TELEMETRY ??= '1';
const { InferenceSession, Tensor: RuntimeTensor, env } = await import('onnxruntime-node');

/** Version of the runtime, for records. */
export const RUNTIME_VERSION: string = env.versions.node ?? env.versions.common;

/** A dense tensor in memory, C order. int64 data are a BigInt64Array, bool a Uint8Array of 0 and 1. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Devices that a session can run on. */
export type Device = 'cpu' | 'webgpu';

/** Options of {@link createSession}. */
export interface SessionOptions {
  /** @default 'cpu' */
  readonly device?: Device;
  /** Threads within an op. @default the runtime's choice: all physical cores */
  readonly threads?: number;
  /** Rewrites by the runtime. 'all' costs half as much creation time again. @default 'all' */
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /**
   * The CPU memory arena: faster, but it doubles its regions, and one of 2 GiB is fatal inside an Electron process.
   * @default true
   */
  readonly arena?: boolean;
  /** Keep a second, repacked copy of matrix weights for speed. @default true */
  readonly prepack?: boolean;
  /** Sizes of symbolic dimensions that are fixed for this session. Required on a GPU for shapes computed from them. */
  readonly dims?: Bindings;
  /** Where weight files may be linked to when their own folder is not writable. */
  readonly cacheFolder?: string;
}

/** A compiled graph. Call `release` when done; then the next big session may be created. */
export interface Session {
  readonly device: Device;
  /** How the weights reached the runtime, and why it was not the usual way when it was not. */
  readonly weights: { readonly mode: 'none' | 'mapped' | 'linked' | 'copied'; readonly reason: string };
  /**
   * Runs the graph. Feeds must be exactly the graph's inputs; names, dtypes and shapes are checked first.
   * Blocks this thread while it computes.
   */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** Compiles a graph for a device. Throws a UserError when the device or a weight file is not usable. */
export async function createSession(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  const bound = optimizeGraph(graph, options.dims);
  const device = options.device ?? 'cpu';
  const compiled = device === 'webgpu' ? narrowIndices(bound) : bound;
  const { session, weights } = await load(compiled, device, options);
  return new OnnxSession(bound, device, session, weights);
}

class OnnxSession implements Session {
  readonly device: Device;
  readonly weights: Session['weights'];
  readonly #graph: Graph;
  readonly #inputs: readonly Node<'input'>[];
  readonly #session: RuntimeSession;

  constructor(graph: Graph, device: Device, session: RuntimeSession, weights: Session['weights']) {
    this.#graph = graph;
    this.device = device;
    this.weights = weights;
    this.#session = session;
    this.#inputs = graph.inputs;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    checkFeeds(this.#inputs, feeds);
    const fed = Object.fromEntries(
      this.#inputs.map(({ attrs: { name } }) => [name, this.#toRuntime(name, feeds[name])]),
    );
    let results;
    try {
      results = await this.#session.run(fed);
    } catch (cause) {
      throw runtimeError(cause, `running on ${this.device}`, describeFeeds(feeds));
    }
    const outputs: Record<string, Tensor> = {};
    for (const [name, value] of this.#graph.outputs) {
      const result = results[name];
      outputs[name] = {
        dtype: value.dtype,
        shape: result.dims,
        data: toTyped(value.dtype, result.data as TypedArray),
      };
    }
    return outputs;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /** int64 feeds become int32 for a GPU, as the compiled graph's inputs did. */
  #toRuntime(name: string, tensor: Tensor): InstanceType<typeof RuntimeTensor> {
    if (this.device === 'cpu' || tensor.dtype !== 'int64') return toRuntimeTensor(tensor);
    const data = toTyped('int32', tensor.data);
    if ((tensor.data as BigInt64Array).some((value, index) => BigInt(data[index]) !== value)) {
      throw new Error(
        `run: input '${name}': expected int64 values that fit 32 bits on a GPU, got larger ones`,
      );
    }
    return toRuntimeTensor({ dtype: 'int32', shape: tensor.shape, data });
  }
}

type RuntimeSession = Awaited<ReturnType<typeof InferenceSession.create>>;
type RuntimeOptions = NonNullable<Parameters<typeof InferenceSession.create>[1]>;

/** Checks feeds against the declared inputs: names, dtypes, sizes, and that a symbol has one value everywhere. */
function checkFeeds(inputs: readonly Node<'input'>[], feeds: Readonly<Record<string, Tensor>>): Bindings {
  const declared = new Set(inputs.map(({ attrs }) => attrs.name));
  const missing = [...declared].filter((name) => feeds[name] === undefined);
  const extra = Object.keys(feeds).filter((name) => !declared.has(name));
  if (missing.length > 0 || extra.length > 0) {
    const found = [
      missing.length ? `missing ${missing.join(', ')}` : '',
      extra.length ? `unknown ${extra.join(', ')}` : '',
    ];
    throw new Error(
      `run: expected inputs ${[...declared].join(', ')}, got ${found.filter(Boolean).join(' and ')}`,
    );
  }
  const bindings: Record<string, number> = {};
  const origin: Record<string, string> = {};
  const later: { name: string; dim: Dim; size: number }[] = [];
  for (const { attrs } of inputs) {
    const { name, dtype, shape } = attrs;
    const tensor = feeds[name];
    const wrong = (expected: string): Error =>
      new Error(
        `run: input '${name}': expected ${expected}, got ${tensor.dtype}${formatShape(tensor.shape)}`,
      );
    if (tensor.dtype !== dtype || tensor.shape.length !== shape.length)
      throw wrong(`${dtype}${formatShape(shape)}`);
    const size = tensor.shape.reduce((product, dim) => product * dim, 1);
    if (!(tensor.data instanceof ARRAY_OF[dtype]) || tensor.data.length !== size) {
      throw wrong(
        `a ${ARRAY_OF[dtype].name} of ${size} elements, not a ${tensor.data.constructor.name} of ${tensor.data.length}`,
      );
    }
    shape.forEach((dim, axis) => {
      const actual = tensor.shape[axis];
      const single = singleSymbol(dim);
      if (typeof dim === 'number') {
        if (dim !== actual) throw wrong(`${dtype}${formatShape(shape)}`);
      } else if (single && bindings[single.symbol] === undefined) {
        if (actual % single.factor !== 0)
          throw wrong(`${dtype}${formatShape(shape)}, a multiple of ${single.factor}`);
        [bindings[single.symbol], origin[single.symbol]] = [actual / single.factor, name];
      } else later.push({ name, dim, size: actual });
    });
  }
  for (const { name, dim, size } of later) {
    const expected = bindDim(dim, bindings);
    if (expected !== size) {
      const sources = symbolsOf(dim).map(
        (symbol) => `${symbol} = ${bindings[symbol]} from '${origin[symbol]}'`,
      );
      throw new Error(
        `run: input '${name}': expected ${dim} = ${expected}, got ${size} (${sources.join(', ')})`,
      );
    }
  }
  return bindings;
}

function toRuntimeTensor({ dtype, shape, data }: Tensor): InstanceType<typeof RuntimeTensor> {
  if (dtype === 'bfloat16')
    throw new Error('run: expected float32 instead of a bfloat16 input — the runtime has no bfloat16 inputs');
  return new RuntimeTensor(dtype, data as never, [...shape]);
}

function describeFeeds(feeds: Readonly<Record<string, Tensor>>): string {
  return Object.entries(feeds)
    .map(([name, { dtype, shape }]) => `${name}: ${dtype}${formatShape(shape)}`)
    .join(', ');
}

/** Gives the runtime's errors a place and, where known, a next step. */
function runtimeError(cause: unknown, action: string, details: string): Error {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/bad_alloc|Failed to allocate memory|out of memory/i.test(text)) {
    return new UserError(
      'OUT_OF_MEMORY',
      `ONNX Runtime, ${action}: not enough memory`,
      'Close other programs, or choose shorter sequences, fewer frames or a smaller model.',
      { cause },
    );
  }
  if (/backend not found|WebGPU adapter|Failed to get a WebGPU/i.test(text)) {
    return new UserError('UNAVAILABLE', `WebGPU: ${text}`, 'Choose the CPU, or update the graphics driver.', {
      cause,
    });
  }
  return new Error(`internal: ONNX Runtime, ${action}: ${text} (${details})`, { cause });
}

function runtimeOptions(device: Device, options: SessionOptions): RuntimeOptions {
  const session: Record<string, string> = {};
  // No op leaves the device that was chosen without a word: the session fails instead.
  if (device !== 'cpu') session.disable_cpu_ep_fallback = '1';
  if (options.prepack === false) session.disable_prepacking = '1';
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    graphOptimizationLevel: options.graphOptimization ?? 'all',
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.arena ?? true,
    logSeverityLevel: 3,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads, interOpNumThreads: 1 }),
    extra: { session },
  };
}

async function load(
  graph: Graph,
  device: Device,
  options: SessionOptions,
): Promise<{ session: RuntimeSession; weights: Session['weights'] }> {
  const config = runtimeOptions(device, options);
  const files = await weightFiles(graph);
  const create = async (make: () => Promise<RuntimeSession>): Promise<RuntimeSession> => {
    try {
      return await make();
    } catch (cause) {
      throw runtimeError(cause, `compiling for ${device}`, `${graph.nodes.length} values`);
    }
  };
  if (files.paths.size === 0) {
    const model = writeOnnx(graph, { target: device });
    return {
      session: await create(() => InferenceSession.create(model, config)),
      weights: { mode: 'none', reason: 'the graph has no weights' },
    };
  }
  const { folders, locate } = files;
  const reasons: string[] = [];
  if (folders.length === 1) {
    // A model loaded by path maps the files beside it; the model itself can go as soon as it is loaded.
    await removeStale(folders[0]);
    const model = path.join(folders[0], temporaryName('.onnx'));
    try {
      await writeFile(model, writeOnnx(graph, { target: device, locate }));
      return {
        session: await create(() => InferenceSession.create(model, config)),
        weights: { mode: 'mapped', reason: 'mapped from where they are' },
      };
    } catch (error) {
      if (!isSystemError(error)) throw error;
      reasons.push(`${folders[0]} is not writable (${codeOf(error)})`);
    } finally {
      await rm(model, { force: true }).catch(() => undefined);
    }
  } else reasons.push('the weight files lie in several folders');

  if (options.cacheFolder !== undefined) {
    const linked = await linkWeights(files, options.cacheFolder).catch((error: unknown) => codeOf(error));
    if (typeof linked !== 'string') {
      try {
        const model = path.join(linked.folder, 'model.onnx');
        await writeFile(model, writeOnnx(graph, { target: device, locate: linked.locate }));
        return {
          session: await create(() => InferenceSession.create(model, config)),
          weights: { mode: 'linked', reason: reasons.join('; ') },
        };
      } finally {
        await rm(linked.folder, { recursive: true, force: true });
      }
    }
    reasons.push(`the files cannot be linked into ${options.cacheFolder} (${linked})`);
  }

  const { externalData, locate: named } = await readWeights(files, reasons.join('; '));
  const model = writeOnnx(graph, { target: device, locate: named });
  return {
    session: await create(() => InferenceSession.create(model, { ...config, externalData })),
    weights: { mode: 'copied', reason: reasons.join('; ') },
  };
}

/** Whether an error comes from the file system. The runtime's errors carry other codes or none. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
