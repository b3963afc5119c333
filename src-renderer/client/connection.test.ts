/** @file The kept-open line: calls wait while it is down, calls in flight fail by name, listeners hear each change. */
import { describe, expect, it } from 'vitest';
import { keepOpen } from './connection.ts';
import { ConnectionLost } from './errors.ts';

function fakeLines() {
  const lines: { close: () => void; answered: unknown[] }[] = [];
  let refuse = 0;
  return {
    lines,
    refuse: (times: number) => (refuse = times),
    open() {
      if (refuse-- > 0) return Promise.reject(new Error('refused'));
      let close = (): void => {};
      const closed = new Promise<void>((resolve) => (close = resolve));
      const answered: unknown[] = [];
      lines.push({ close, answered });
      return Promise.resolve({
        closed,
        link: {
          call: (_path: readonly string[], input: unknown) =>
            input === 'hang'
              ? new Promise<unknown>(() => {})
              : Promise.resolve((answered.push(input), input)),
        },
      });
    },
  };
}
const options = { context: {} };

describe('keepOpen', () => {
  it('makes a call wait until a line is there', async () => {
    const fake = fakeLines();
    fake.refuse(3);
    const connection = keepOpen(() => fake.open(), [1]);
    expect(await connection.call(['a'], 1, options)).toBe(1);
    expect(fake.lines).toHaveLength(1);
  });
  it('fails a call that was out when the line broke, and serves the next one on a new line', async () => {
    const fake = fakeLines();
    const connection = keepOpen(() => fake.open(), [1]);
    const heard: boolean[] = [];
    connection.onChange((up) => heard.push(up));
    const hanging = connection.call(['a'], 'hang', options);
    await new Promise((resolve) => setTimeout(resolve, 5));
    fake.lines[0].close();
    await expect(hanging).rejects.toBeInstanceOf(ConnectionLost);
    expect(await connection.call(['a'], 2, options)).toBe(2);
    expect(fake.lines[1].answered).toEqual([2]);
    expect(heard).toEqual([false, true, false, true]);
  });
  it('a waiting call can be given up', async () => {
    const fake = fakeLines();
    fake.refuse(1e9);
    const connection = keepOpen(() => fake.open(), [1000]);
    const abort = new AbortController();
    const call = connection.call(['a'], 1, { ...options, signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toThrow();
  });
});
