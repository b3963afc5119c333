/** @file The PTS table by itself: times to frames and back, odd timestamps, storage. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PtsTable } from './pts.ts';

const table = (ticks: number[], end = ticks.at(-1)! + 1, den = 1000): PtsTable =>
  new PtsTable({ timeBase: { num: 1, den }, ticks, keys: [0], end, seekable: true });

test('a time belongs to the frame whose interval contains it', () => {
  const t = table([0, 40, 100, 110], 150);
  const at = (seconds: number): number => t.frameAt(seconds);
  expect([at(-1), at(0), at(0.0399), at(0.04), at(0.0999), at(0.1), at(0.109), at(0.11), at(9)]).toEqual([
    0, 0, 0, 1, 1, 2, 2, 3, 3,
  ]);
  expect([t.start(1), t.stop(1), t.stop(3), t.duration]).toEqual([0.04, 0.1, 0.15, 0.15]);
  expect(t.averageRate).toBeCloseTo(26.667, 3);
});

test('the rounding of time * fps, which misplaces frames, does not happen at 29.97', () => {
  const t = new PtsTable({
    timeBase: { num: 1, den: 30000 },
    ticks: Array.from({ length: 10_000 }, (_, i) => i * 1001),
    keys: [0],
    end: 10_010_000,
    seekable: true,
  });
  for (let i = 0; i < t.length; i++) expect(t.frameAt(t.start(i))).toBe(i);
});

test('repeated and backward timestamps: intervals stay in order, the last of equals is found, encoders get rising times', () => {
  const t = table([0, 10, 10, 5, 30]);
  expect(t.frameAt(0.01)).toBe(3);
  expect([t.start(3), t.stop(3)]).toEqual([0.01, 0.03]);
  expect([...t.risingTicks()]).toEqual([0, 10, 11, 12, 30]);
});

test('an index outside is refused with the range', () => {
  expect(() => table([0, 1]).start(2)).toThrow('expected a whole number from 0 to 1, got 2');
  expect(() => table([0, 1]).index(0.5)).toThrow('got 0.5');
  expect(() => table([])).toThrow('at least one frame');
});

test('any table survives storage, at about a byte a frame when the rate is constant', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), { minLength: 1 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.boolean(),
      (ticks, den, seekable) => {
        const t = new PtsTable({ timeBase: { num: 1, den }, ticks, keys: [0, 3, 7], end: 2 ** 41, seekable });
        const back = PtsTable.fromBytes(t.toBytes());
        expect(back.ticks).toEqual(t.ticks);
        expect([...back.keys, back.end, back.seekable, back.timeBase.den]).toEqual([
          0,
          3,
          7,
          2 ** 41,
          seekable,
          den,
        ]);
      },
    ),
    { seed: 3, numRuns: 100 },
  );
  const hour = table(Array.from({ length: 90_000 }, (_, i) => i * 40));
  expect(hour.toBytes().length).toBeLessThan(90_100);
});

test('damaged bytes are refused, not misread', () => {
  const bytes = table([0, 40, 80]).toBytes();
  expect(() => PtsTable.fromBytes(bytes.subarray(0, bytes.length - 4))).toThrow('PTS table: expected');
  expect(() => PtsTable.fromBytes(Uint8Array.of(1, 2, 3))).toThrow('expected its format mark');
  expect(() => PtsTable.fromBytes(new Uint8Array())).toThrow('got the end');
});

test('the form for the window', () => {
  expect(table([0, 40, 100], 140).toPlain()).toEqual({ seconds: Float64Array.of(0, 0.04, 0.1), end: 0.14 });
  // A timestamp that goes back is moved up, so that the window can search.
  expect(table([0, 10, 5], 20).toPlain().seconds).toEqual(Float64Array.of(0, 0.01, 0.01));
});
