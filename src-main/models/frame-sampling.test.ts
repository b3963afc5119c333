/** @file The sampling rules' edges; the full lists are `npm run golden`. */
import { expect, test } from 'vitest';
import {
  sampleLinspace,
  sampleRrpo,
  sampleSmolVlm,
  sampleTransformers,
  sampleVideoChat2,
} from './frame-sampling.ts';

test('each rule on 10 frames, 4 wanted', () => {
  expect(sampleLinspace(10, 4)).toEqual([0, 3, 6, 9]);
  expect(sampleRrpo(10, 4)).toEqual([0, 2, 5, 7]);
  expect(sampleTransformers(10, 4)).toEqual([0, 2, 5, 7]);
  expect(sampleVideoChat2(10, 4)).toEqual([1, 3, 5, 8]);
});

test('the float order of the RRPO rule is kept: 30 frames, 22 wanted differ from the whole-number rule', () => {
  const whole = Array.from({ length: 22 }, (_, i) => Math.floor((i * 30) / 22));
  expect(sampleRrpo(30, 22)).not.toEqual(whole);
});

test('a short video repeats frames, or is refused where the reference refuses', () => {
  expect(sampleLinspace(2, 5)).toEqual([0, 0, 0, 0, 1]);
  expect(sampleRrpo(1, 3)).toEqual([0, 0, 0]);
  expect(() => sampleTransformers(3, 4)).toThrow('expected at most 3 frames');
  expect(() => sampleLinspace(0, 4)).toThrow('at least one frame');
  expect(() => sampleRrpo(5, 0)).toThrow('at least 1, got 0');
});

test('SmolVLM takes one frame a second and skips the ends of long videos', () => {
  expect(sampleSmolVlm({ n: 100, videoFps: 25, duration: 4 })).toEqual([0, 33, 66, 99]);
  const long = sampleSmolVlm({ n: 30 * 200, videoFps: 30, duration: 200 });
  expect([long.length, long[0], long.at(-1)]).toEqual([64, 30, 5970]);
});
