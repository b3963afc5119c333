/** @file Named recipes are valid and do what their names say; bad ones are told. */
import { expect, test } from 'vitest';
import { planPerturbation } from '../contract/perturb.ts';
import { familyOf, Recipe } from '../contract/recipe.ts';
import { RECIPES, recipeKey, recipeWords, resolveRecipe } from './recipes.ts';

const sources = (id: string) =>
  planPerturbation(RECIPES.find((r) => r.id === id)!.recipe, 7, 8).map((frame) => frame.source);

test('every named recipe is valid and changes the clip', () => {
  for (const { id, recipe, family, prompt } of RECIPES) {
    if (prompt !== undefined) continue; // the clip stays as it is, and the question suggests something
    expect(familyOf(Recipe.parse(recipe)), id).toBe(family);
    const plan = planPerturbation(recipe, 7, 8);
    expect(
      plan.some((frame, i) => frame.source !== i || frame.layers.length > 0),
      id,
    ).toBe(true);
  }
  expect(sources('reverse')).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  expect(new Set(sources('freeze')).size).toBe(1);
  expect(sources('shuffle').toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(sources('mask')).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('nothing is the default, a name is a name, steps are checked', () => {
  expect(resolveRecipe(undefined).name).toBe('default');
  expect(resolveRecipe('blank').recipe).toMatchObject([{ op: 'blank' }]);
  expect(resolveRecipe([{ op: 'reverse' }])).toEqual({
    name: 'custom',
    recipe: [{ op: 'reverse' }],
    family: 'spatio-temporal',
  });
  expect(resolveRecipe([{ op: 'mask' }, { op: 'freeze' }]).family).toBe('language-prior');
  expect(resolveRecipe([]).family).toBeNull();
  expect(() => resolveRecipe('smear')).toThrow(/expected one of default, mask/);
  expect(() => resolveRecipe([{ op: 'smear' }])).toThrow(/recipe: at "0/);
});

test('a recipe is called by its name, one without a name by its steps', () => {
  const words = (given: unknown) => recipeWords(recipeKey(resolveRecipe(given)));
  expect(words('freeze')).toEqual({ name: 'Language prior: frozen video', steps: null });
  const steps = Recipe.parse([{ op: 'mask' }, { op: 'reverse' }]);
  expect(words(steps)).toEqual({ name: 'mask + reverse', steps });
  expect(words([])).toEqual({ name: 'Clean clip', steps: [] });
  const saved = { id: 'k7', version: 2, name: 'My own', recipe: steps, family: null };
  expect(recipeWords(recipeKey(saved))).toEqual({ name: 'My own (version 2)', steps: null });
});
