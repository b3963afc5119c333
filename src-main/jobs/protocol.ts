/**
 * @file The messages between the shell process and a worker. They travel over Node's IPC channel with
 * `serialization: 'advanced'` (structured clone), so typed arrays and Maps cross as they are.
 */
import type { PlainError } from '../platform/errors.ts';

/** One method of a worker: what it takes, what it gives, and what it reports on the way (`never` for nothing). */
export type Method = { input: unknown; output: unknown; event: unknown };
/** A worker's methods by name; a worker's API is a type of this form (see `apis.ts`). */
export type Methods = Record<string, Method>;

/** What a method gets besides its input. */
export type CallContext<Event> = {
  /** Aborted when the caller cancels; `signal.reason` is a {@link CallAborted}. */
  signal: AbortSignal;
  /** Reports something to the caller while the call runs. */
  emit: (event: Event) => void;
};

/** A worker's implementation of its methods. */
export type Handlers<M extends Methods> = {
  [K in keyof M]: (input: M[K]['input'], context: CallContext<M[K]['event']>) => Promise<M[K]['output']>;
};

/** `signal.reason` inside a worker: why the caller stopped the call, for example 'save' or 'discard' of a training run. */
export class CallAborted extends Error {
  override readonly name = 'AbortError';
  /** The caller's word for it; 'cancel' when it gave none. */
  readonly why: string;

  constructor(why: string) {
    super(`Cancelled (${why}).`);
    this.why = why;
  }
}

/** Shell to worker. `id` numbers a call within one worker process. */
export type ToWorker =
  { type: 'call'; id: number; method: string; input: unknown } | { type: 'abort'; id: number; why: string };

/** Worker to shell. */
export type FromWorker =
  | { type: 'ready' }
  | { type: 'event'; id: number; event: unknown }
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; error: PlainError; stack: string };
