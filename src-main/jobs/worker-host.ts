/**
 * @file The shell's end of a worker: starts it as a child of a real Node 24, calls its methods, relays events and aborts, and
 * turns its death into words. A dead worker is started again by the next call.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { UserError, fromPlainError } from '../platform/errors.ts';
import { findNodeBinary } from './node-binary.ts';
import type { NodeBinary } from './node-binary.ts';
import type { FromWorker, Methods, ToWorker } from './protocol.ts';

/** How a worker is started. */
export type WorkerOptions = {
  /** Shown in messages, e.g. `engine`. */
  name: string;
  /** Absolute path of the entry module. */
  entry: string;
  /** @default findNodeBinary() */
  node?: NodeBinary;
  /** Arguments for Node itself, e.g. `--max-old-space-size=8192`. @default [] */
  nodeArguments?: string[];
  /** Added to this process's environment. @default {} */
  env?: Record<string, string>;
  /** Lines the worker writes to stdout or stderr. @default dropped, but the last 16 KiB are kept for {@link WorkerHost.log} */
  onLog?: (text: string) => void;
};

/** How one call is made. */
export type CallOptions<Event> = {
  /** Cancels the call; `signal.reason`, when a string, is passed to the worker as the reason. */
  signal?: AbortSignal;
  onEvent?: (event: Event) => void;
  /** Milliseconds a cancelled call may take to end by itself before its worker is killed. @default 20000 */
  graceMs?: number;
};

type Pending = {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  onEvent: (event: unknown) => void;
  cancelled: boolean;
};

const LOG_LIMIT = 16_384; // characters

/** One worker process, started when first needed. */
export class WorkerHost<M extends Methods> {
  readonly #options: WorkerOptions;
  readonly #pending = new Map<number, Pending>();
  #child: ChildProcess | undefined;
  #nextId = 1;
  #log = '';
  #closed = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Process id of the running worker, or undefined while none runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The last characters the worker wrote to stdout and stderr. */
  get log(): string {
    return this.#log;
  }

  /**
   * Calls a method. Rejects with what the method threw (UserErrors stay UserErrors), with CANCELLED after an abort, and with
   * WORKER_DIED when the process ended under the call.
   */
  async call<K extends keyof M & string>(
    method: K,
    input: M[K]['input'],
    options: CallOptions<M[K]['event']> = {},
  ): Promise<M[K]['output']> {
    const { signal, graceMs = 20_000 } = options;
    if (this.#closed) throw new Error(`internal: worker ${this.#options.name}: call after close`);
    if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled before it began.');
    const child = this.#running();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      let killTimer: NodeJS.Timeout | undefined;
      const abort = (): void => {
        pending.cancelled = true;
        const why = typeof signal?.reason === 'string' ? signal.reason : 'cancel';
        this.#send(child, { type: 'abort', id, why });
        killTimer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      };
      const settle = (): void => {
        clearTimeout(killTimer);
        signal?.removeEventListener('abort', abort);
        this.#pending.delete(id);
      };
      const pending: Pending = {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        onEvent: (event) => options.onEvent?.(event),
        cancelled: false,
      };
      this.#pending.set(id, pending);
      signal?.addEventListener('abort', abort, { once: true });
      this.#send(child, { type: 'call', id, method, input });
    });
  }

  /** Ends the worker, if one runs, and fails what was under way. The next call starts a fresh one. */
  async restart(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.kill('SIGKILL');
    });
  }

  /** Ends the worker for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.restart();
  }

  #running(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const node = this.#options.node ?? findNodeBinary();
    if (node.value === null)
      throw new UserError(
        'UNAVAILABLE',
        `Worker ${this.#options.name}: expected a Node 24 to run it, found none (${node.reason}).`,
        'Run "npm ci" in the workbench folder: it brings a Node 24 for this machine.',
      );
    this.#log = '';
    const child = fork(this.#options.entry, [], {
      execPath: node.value,
      execArgv: this.#options.nodeArguments ?? [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...this.#options.env },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_LIMIT);
        this.#options.onLog?.(text);
      });
    child.on('message', (message: FromWorker) => this.#receive(message));
    let spawnError: Error | undefined;
    child.on('error', (error) => (spawnError = error));
    // A send can fail between the death of the process and its report; 'close' comes in every case, after the last output.
    child.on('close', (code, signal) => this.#died(child, code, signal, spawnError));
    return child;
  }

  #send(child: ChildProcess, message: ToWorker): void {
    if (child.connected) child.send(message, undefined, {}, () => undefined);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        break;
      case 'event':
        this.#pending.get(message.id)?.onEvent(message.event);
        break;
      case 'result':
        this.#pending.get(message.id)?.resolve(message.value);
        break;
      case 'error': {
        const error = fromPlainError(message.error);
        if (message.error.code === 'INTERNAL' && message.stack !== '') error.stack = message.stack;
        this.#pending.get(message.id)?.reject(error);
        break;
      }
      default:
        message satisfies never;
    }
  }

  #died(
    child: ChildProcess,
    code: number | null,
    signal: string | null,
    spawnError: Error | undefined,
  ): void {
    if (this.#child === child) this.#child = undefined;
    for (const pending of [...this.#pending.values()])
      pending.reject(
        pending.cancelled
          ? new UserError('CANCELLED', 'Cancelled; the worker did not stop by itself and was ended.')
          : describeDeath(this.#options.name, code, signal, spawnError, this.#log),
      );
  }
}

/** The death of a worker in words. `log` is the end of what it wrote: V8 and native code name the cause there. */
export function describeDeath(
  name: string,
  code: number | null,
  signal: string | null,
  spawnError: Error | undefined,
  log: string,
): UserError {
  const how =
    spawnError !== undefined
      ? `could not be started (${spawnError.message})`
      : signal !== null
        ? `was ended by signal ${signal}`
        : `ended with exit code ${code ?? 'unknown'}`;
  const outOfMemory =
    /heap out of memory|bad_alloc|failed to allocate|cannot allocate memory|out of memory/i.test(log);
  const lastLine = log.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  const message = `The ${name} worker ${how}.${lastLine === '' ? '' : ` Its last words: ${lastLine}`}`;
  if (outOfMemory)
    return new UserError(
      'OUT_OF_MEMORY',
      `${message} It ran out of memory.`,
      'Use fewer frames, a smaller batch or a smaller model, or close other programs; then start the job again.',
    );
  const hint =
    signal === 'SIGKILL'
      ? 'Systems end a process this way when memory runs out: use fewer frames or a smaller batch if it happens again. The job can be started again; the rest of the workbench was not affected.'
      : 'The job can be started again; the rest of the workbench was not affected.';
  return new UserError('WORKER_DIED', message, hint);
}
