/** @file Making the next few of something while the present one is in use, with a bound on what lies ready. */

/**
 * What `make` gives for each item, in order. One is made at a time, and at most `ahead` are made (or being made) that nobody has taken.
 * A failure is thrown in its turn. What is made but never taken, because the taker stops, goes to `discard`.
 */
export async function* lookAhead<T, R>(
  items: Iterable<T>,
  ahead: number,
  make: (item: T) => Promise<R>,
  discard: (made: R) => Promise<void>,
): AsyncGenerator<R, void> {
  const iterator = items[Symbol.iterator]();
  const made: Promise<R>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let stopped = false;
  const fill = (): void => {
    while (made.length < ahead) {
      const next = iterator.next();
      if (next.done === true) return;
      const making = last.then(() => {
        if (stopped) throw new Error('internal: look-ahead: nobody takes this any more');
        return make(next.value);
      });
      last = making.catch(() => undefined); // thrown when it is taken
      made.push(making);
    }
  };
  try {
    for (fill(); made.length > 0; fill()) yield await made.shift()!;
  } finally {
    stopped = true;
    for (const left of await Promise.allSettled(made))
      if (left.status === 'fulfilled') await discard(left.value);
  }
}
