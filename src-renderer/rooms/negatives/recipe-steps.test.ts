/** @file The editor's steps: order, and warnings in words for recipes that cover everything, change nothing, or meet a short clip. */
import { expect, test } from 'vitest';
import { planPerturbation } from '../../../src-main/contract/perturb.ts';
import type { RecipeInput } from '../../../src-main/contract/recipe.ts';
import { moved, newStep, STEP_WORDS, warnings, type Op } from './recipe-steps.ts';

test('each kind of step starts valid; a step moves within the recipe only', () => {
  const recipe = (Object.keys(STEP_WORDS) as Op[]).map(newStep);
  expect(recipe.map(({ op }) => op)).toEqual(['mask', 'shuffle', 'reverse', 'drop', 'freeze', 'blank']);
  expect(moved(recipe, 0, 1).map(({ op }) => op)).toEqual([
    'shuffle',
    'mask',
    'reverse',
    'drop',
    'freeze',
    'blank',
  ]);
  expect(moved(recipe, 5, 0)[0].op).toBe('blank');
  for (const to of [-1, 6]) expect(moved(recipe, 2, to)).toBe(recipe);
});

const EIGHT = [0, 3, 6, 9, 12, 15, 18, 21];
const warn = (recipe: RecipeInput, frames = EIGHT): string =>
  warnings(planPerturbation(recipe, 5, frames.length), frames).join(' ');

test.each<[string, RecipeInput, RegExp]>([
  ['blank', [{ op: 'blank' }], /whole picture/],
  ['a mask over everything', [{ op: 'mask', ratio: [1, 1] }], /whole picture/],
  ['patches over everything', [{ op: 'mask', shape: 'patches', ratio: [1, 1] }], /whole picture/],
  ['a mask under a shuffle', [{ op: 'mask', ratio: [1, 1] }, { op: 'shuffle' }], /whole picture/],
  ['nothing', [], /stays as it is/],
  ['twice backwards', [{ op: 'reverse' }, { op: 'reverse' }], /stays as it is/],
  ['a mask of no size', [{ op: 'mask', ratio: [0, 0] }], /^$/],
  ['the default', [{ op: 'mask' }, { op: 'shuffle' }], /^$/],
  ['frames lost', [{ op: 'drop', ratio: 1, replace: 'remove' }], /^$/],
])('%s', (_, recipe, expected) => expect(warn(recipe)).toMatch(expected));

test('a clean clip is no surprise where the question suggests a concept', () =>
  expect(warnings(planPerturbation([], 0, 8), EIGHT, true)).toEqual([]));

test('a clip that is shorter than what the model is given', () => {
  expect(warn([{ op: 'shuffle' }], [0, 0, 1, 1, 2, 2, 2, 2])).toBe(
    'The clip has 3 frames; the model is given 8, so some are repeated.',
  );
  expect(warn([{ op: 'reverse' }], [0])).toMatch(/stays as it is/);
});
