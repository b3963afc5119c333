/** @file The random stream against the reference C code, and the promises its users build on. */
import { expect, test } from 'vitest';
import { Random } from './random.ts';

const VECTORS = {
  '0': [439562922, 657462550, 4205720961],
  '42': [1889147825, 1706453532, 1311246174],
  split: [3410233279, 369348490, 2584333752],
};

test('the raw stream equals the reference C implementation of xoshiro128**', () => {
  const random = Random.restore({ key: 'n0', state: [1, 2, 3, 4] });
  const got = Array.from({ length: 10 }, () => random.uint32());
  expect(got).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test('streams of known seeds do not change between versions', () => {
  const streams = Object.fromEntries(
    ([0, 42, 'split'] as const).map((seed) => {
      const random = new Random(seed);
      return [seed, [random.uint32(), random.uint32(), random.uint32()]];
    }),
  );
  expect(streams).toEqual(VECTORS);
});

test('text and number seeds differ, forks differ and leave the parent alone', () => {
  expect(new Random(7).uint32()).not.toBe(new Random('7').uint32());
  const parent = new Random(7);
  const a = parent.fork('a').uint32();
  const b = parent.fork('b').uint32();
  expect(a).not.toBe(b);
  expect(parent.uint32()).toBe(new Random(7).uint32());
  parent.uint32();
  expect(parent.fork('a').uint32()).toBe(a);
});

test('save and restore continue the stream', () => {
  const random = new Random('resume');
  for (let i = 0; i < 17; i++) random.uint32();
  const copy = Random.restore(structuredClone(random.save()));
  expect(copy.uint32()).toBe(random.uint32());
  expect(copy.fork('x').uint32()).toBe(random.fork('x').uint32());
});

test('int is uniform, float in [0,1), normal has mean 0 and deviation 1', () => {
  const random = new Random(1);
  const counts = new Array<number>(6).fill(0);
  let sum = 0;
  let squares = 0;
  const n = 60_000;
  for (let i = 0; i < n; i++) {
    counts[random.int(6)]++;
    const f = random.float();
    expect(f >= 0 && f < 1).toBe(true);
    const z = random.normal();
    sum += z;
    squares += z * z;
  }
  for (const count of counts) expect(Math.abs(count - n / 6)).toBeLessThan(400);
  expect(Math.abs(sum / n)).toBeLessThan(0.02);
  expect(Math.abs(squares / n - 1)).toBeLessThan(0.03);
});

test('shuffle is a permutation and leaves its input', () => {
  const items = Object.freeze([1, 2, 3, 4, 5, 6, 7, 8]);
  const shuffled = new Random(3).shuffle(items);
  expect([...shuffled].sort()).toEqual(items);
  expect(shuffled).toEqual(new Random(3).shuffle(items));
  expect(shuffled).not.toEqual(items);
});

test('bad seeds and bounds are refused', () => {
  expect(() => new Random(-1)).toThrow(/non-negative/);
  expect(() => new Random(0.5)).toThrow(/safe integer/);
  expect(() => new Random(1).int(0)).toThrow(/bound/);
});
