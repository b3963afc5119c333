/** @file One-to-many event delivery inside the host process; a slow listener never blocks the sender. */

/**
 * Fan-out of events to any number of async listeners. Each listener has its own queue; when one falls more than
 * `limit` events behind, its stream ends with an error so that it re-reads state instead of missing changes silently.
 */
export class EventHub<T> {
  readonly #listeners = new Set<(event: T) => void>();

  /** Delivers to everyone who is listening now. */
  emit(event: T): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Number of open subscriptions. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Events from now on, until `signal` aborts. The subscription starts at the call, not at the first `next()`. */
  subscribe(signal?: AbortSignal, limit = 10_000): AsyncGenerator<T, undefined, undefined> {
    const queue: T[] = [];
    let wake: (() => void) | undefined;
    let overflow = false;
    const listener = (event: T): void => {
      if (queue.length >= limit) overflow = true;
      else queue.push(event);
      wake?.();
    };
    this.#listeners.add(listener);
    const stop = (): void => {
      this.#listeners.delete(listener);
      wake?.();
    };
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const listeners = this.#listeners;
    async function* drain(): AsyncGenerator<T, undefined, undefined> {
      try {
        for (;;) {
          while (queue.length > 0) yield queue.shift()!;
          if (overflow)
            throw new Error(`events: a listener fell more than ${limit} events behind — reload it`);
          if (!listeners.has(listener)) return;
          await new Promise<void>((resolve) => (wake = resolve));
          wake = undefined;
        }
      } finally {
        stop();
      }
    }
    return drain();
  }
}
