/** @file How fast requests may go out: so many a minute, evenly spaced, so many at the same time, and none while the server asks to wait. */
import { setTimeout as wait } from 'node:timers/promises';

export class Limiter {
  readonly #spacing: number;
  #free: number;
  /** When the next request may go out, in the time of `performance.now()`. */
  #next = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ requestsPerMinute, concurrent }: { requestsPerMinute: number; concurrent: number }) {
    this.#spacing = 60_000 / requestsPerMinute;
    this.#free = concurrent;
  }

  /** Nobody goes out for so many milliseconds: the server said so. */
  hold(milliseconds: number): void {
    this.#next = Math.max(this.#next, performance.now() + milliseconds);
  }

  /** Runs `work` when it may. @throws the signal's abort while it waits */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    while (this.#free === 0) {
      const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
      await turn;
    }
    this.#free--;
    try {
      await this.#due(signal);
      return await work();
    } finally {
      this.#free++;
      this.#waiting.shift()?.();
    }
  }

  /** Waits for a time of its own; looks again afterwards, because a hold may have come in between. */
  async #due(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      if (now >= this.#next) {
        this.#next = Math.max(now, this.#next) + this.#spacing;
        return;
      }
      await wait(this.#next - now, undefined, { signal });
    }
  }
}
