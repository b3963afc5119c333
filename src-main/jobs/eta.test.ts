/** @file The estimate on steady, uneven and backward-running reports. */
import { expect, test } from 'vitest';
import { ProgressEstimator, Throughput, formatSeconds } from './eta.ts';

function clock(): { now: () => number; advance: (seconds: number) => void } {
  let t = 1000;
  return { now: () => t, advance: (seconds) => (t += seconds * 1000) };
}

test('steady work: the estimate is exact and counts down', () => {
  const { now, advance } = clock();
  const eta = new ProgressEstimator(now);
  expect(eta.secondsLeft).toBeNull();
  for (let i = 1; i <= 10; i++) {
    advance(2);
    eta.update(i / 20);
    expect(eta.secondsLeft).toBeCloseTo(2 * (20 - i), 6);
  }
  advance(5);
  expect(eta.secondsLeft).toBeCloseTo(15, 6);
  advance(60);
  expect(eta.secondsLeft).toBe(0);
  expect(eta.progress).toBe(0.5);
});

test('uneven work: small slow-downs do not raise the figure, large ones do', () => {
  const { now, advance } = clock();
  const eta = new ProgressEstimator(now);
  let last = Infinity;
  for (let i = 1; i <= 50; i++) {
    advance(i % 2 === 0 ? 1.1 : 0.9);
    eta.update(i / 100);
    if (i > 5) expect(eta.secondsLeft!).toBeLessThanOrEqual(last);
    last = eta.secondsLeft!;
  }
  expect(last).toBeGreaterThan(40);
  expect(last).toBeLessThan(60);
  for (let i = 51; i <= 60; i++) {
    advance(5);
    eta.update(i / 100);
  }
  expect(eta.secondsLeft!).toBeGreaterThan(120);
});

test('preparations do not count as slow work', () => {
  const { now, advance } = clock();
  const eta = new ProgressEstimator(now);
  advance(30);
  eta.update(0);
  advance(1);
  eta.update(0.1);
  expect(eta.secondsLeft).toBeCloseTo(9, 6);
});

test('progress never runs backwards', () => {
  const { now, advance } = clock();
  const eta = new ProgressEstimator(now);
  advance(1);
  eta.update(0.5);
  advance(1);
  eta.update(0.3);
  expect(eta.progress).toBe(0.5);
  eta.update(2);
  expect(eta.progress).toBe(1);
});

test('words', () => {
  expect([0.4, 59.4, 125, 4350].map(formatSeconds)).toEqual(['0 s', '59 s', '2 min 05 s', '1 h 12 min']);
});

test('throughput is what was done in the last ten seconds, or since the start', () => {
  const { now, advance } = clock();
  const throughput = new Throughput(now);
  expect(throughput.perSecond).toBe(0);
  advance(2);
  throughput.add(6);
  expect(throughput.perSecond).toBe(3);
  advance(8);
  throughput.add(4);
  expect(throughput.perSecond).toBe(1);
  advance(9);
  expect(throughput.perSecond).toBe(0.4);
  advance(2);
  expect(throughput.perSecond).toBe(0);
});

test('the clock of the machine may be set while work goes on', () => {
  const wall = Date.now;
  let set = 0;
  Date.now = () => wall() + set;
  try {
    const eta = new ProgressEstimator();
    set = -86_400_000;
    const until = performance.now() + 30;
    while (performance.now() < until);
    eta.update(0.5);
    expect(eta.elapsed).toBeGreaterThan(0.02);
    expect(eta.elapsed).toBeLessThan(1000);
    expect(eta.secondsLeft).toBeLessThan(1000);
  } finally {
    Date.now = wall;
  }
});
