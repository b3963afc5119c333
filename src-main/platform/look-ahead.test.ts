/** @file Looking ahead: order, the bound on what lies ready, failures in their turn, and nothing left behind. */
import { expect, test } from 'vitest';
import { lookAhead } from './look-ahead.ts';

const soon = () => new Promise((resolve) => setTimeout(resolve, 1));
const keep = (): Promise<void> => Promise.resolve();

test('gives all in order, one made at a time, never more ready than the bound', async () => {
  let making = 0;
  let ready = 0;
  const most = { making: 0, ready: 0 };
  const make = async (n: number): Promise<number> => {
    most.making = Math.max(most.making, ++making);
    most.ready = Math.max(most.ready, ++ready);
    await soon();
    making--;
    return n * n;
  };
  const got: number[] = [];
  for await (const square of lookAhead([1, 2, 3, 4, 5, 6, 7], 3, make, keep)) {
    ready--;
    got.push(square);
    await soon();
    await soon();
    await soon();
  }
  expect(got).toEqual([1, 4, 9, 16, 25, 36, 49]);
  expect(most).toEqual({ making: 1, ready: 3 });
});

test('throws a failure in its turn, discards what was made behind it, and makes no more', async () => {
  const made: number[] = [];
  const discarded: number[] = [];
  const make = async (n: number): Promise<number> => {
    await soon();
    if (n === 2) throw new Error('two');
    made.push(n);
    return n;
  };
  const got: number[] = [];
  const take = async (): Promise<void> => {
    const discard = (n: number): Promise<void> => Promise.resolve(void discarded.push(n));
    for await (const n of lookAhead([0, 1, 2, 3, 4, 5, 6, 7], 3, make, discard)) {
      got.push(n);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await expect(take()).rejects.toThrow('two');
  expect(got).toEqual([0, 1]);
  expect(discarded).toEqual(made.slice(2));
  expect(made.length).toBeLessThan(6);
});
