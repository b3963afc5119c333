/** @file Saved recipes: versions by steps, names of their own, and what is resolved when somebody names one. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Recipe, type RecipeDraft } from '../contract/recipe.ts';
import type { OpenProject } from '../project/project.ts';
import { temporaryProject } from '../project/testing.ts';
import {
  deleteRecipe,
  pinnedRecipe,
  projectRecipe,
  recipeVersions,
  restoreRecipe,
  savedRecipes,
  saveRecipe,
} from './recipe-store.ts';

let project: OpenProject;
let dispose: () => void;
beforeEach(async () => ({ project, dispose } = await temporaryProject()));
afterEach(() => dispose());

const REVERSE = Recipe.parse([{ op: 'reverse' }]);
const MASKED = Recipe.parse([{ op: 'reverse' }, { op: 'mask', ratio: [0.1, 0.2] }]);
const draft = (more: Partial<RecipeDraft> = {}): RecipeDraft => ({
  name: 'Backwards',
  description: '',
  family: 'spatio-temporal',
  recipe: REVERSE,
  ...more,
});

test('other steps make a version, a new name does not, unchanged steps do not', () => {
  const { db } = project;
  const first = saveRecipe(db, draft());
  expect(first).toMatchObject({ name: 'Backwards', version: 1, recipe: REVERSE });
  const { id } = first;
  expect(saveRecipe(db, draft({ id }))).toEqual(first);
  expect(saveRecipe(db, draft({ id, recipe: MASKED }))).toMatchObject({ id, version: 2, recipe: MASKED });
  const renamed = saveRecipe(db, draft({ id, recipe: MASKED, name: 'Back', family: 'language-prior' }));
  expect(renamed).toMatchObject({ id, version: 2, name: 'Back', family: 'language-prior' });
  expect(recipeVersions(db, id).map(({ version, name, recipe }) => [version, name, recipe.length])).toEqual([
    [2, 'Back', 2],
    [1, 'Backwards', 1],
  ]);
  const prompt = '{question} Is it {concept}?';
  expect(saveRecipe(db, draft({ id, recipe: MASKED, name: 'Back', prompt }))).toMatchObject({
    version: 3,
    prompt,
  });
  expect(projectRecipe(db, id).prompt).toBe(prompt);
  expect(saveRecipe(db, draft({ id, recipe: MASKED, name: 'Back' }))).not.toHaveProperty('prompt');
  saveRecipe(db, draft({ name: 'another' }));
  expect(savedRecipes(db).map(({ name, version }) => [name, version])).toEqual([
    ['another', 1],
    ['Back', 4],
  ]);
});

test("a name belongs to one recipe, and the workbench's own never change", () => {
  const { db } = project;
  const { id } = saveRecipe(db, draft());
  saveRecipe(db, draft({ name: 'Other' }));
  for (const wrong of [
    draft(),
    draft({ name: 'BACKWARDS' }),
    draft({ id, name: 'other' }),
    draft({ name: 'Temporal: reverse' }),
    draft({ name: 'mask' }),
    draft({ id: 'reverse', name: 'Mine' }),
  ])
    expect(() => saveRecipe(db, wrong)).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  expect(() => saveRecipe(db, draft({ id: 'r-none', name: 'New' }))).toThrow(/id of a saved recipe/);
  expect(savedRecipes(db)).toHaveLength(2);
});

test('the newest version is resolved by id and name, an older one by number, also after it was deleted', () => {
  const { db } = project;
  const { id } = saveRecipe(db, draft());
  const pinned = pinnedRecipe(db, id);
  expect(pinned).toBe(`${id}@1`);
  saveRecipe(db, draft({ id, recipe: MASKED }));
  expect(projectRecipe(db, id)).toEqual({
    id,
    version: 2,
    name: 'Backwards',
    recipe: MASKED,
    family: 'spatio-temporal',
  });
  expect(projectRecipe(db, 'Backwards').version).toBe(2);
  deleteRecipe(db, id);
  expect(savedRecipes(db)).toEqual([]);
  expect(projectRecipe(db, pinned)).toMatchObject({ id, version: 1, recipe: REVERSE });
  for (const gone of [id, 'Backwards', `${id}@3`])
    expect(() => projectRecipe(db, gone)).toThrow(/name of a saved one/);
  expect(() => deleteRecipe(db, id)).toThrow(/id of a saved recipe/);
  // The name is free again.
  expect(saveRecipe(db, draft()).version).toBe(1);
  // What is no saved recipe stays as it was given.
  for (const given of [undefined, 'mask', REVERSE]) expect(pinnedRecipe(db, given)).toBe(given);
});

test('a deleted recipe comes back with its versions, unless its name was taken meanwhile', () => {
  const { db } = project;
  const { id } = saveRecipe(db, draft());
  saveRecipe(db, draft({ id, recipe: MASKED }));
  deleteRecipe(db, id);
  expect(restoreRecipe(db, id)).toMatchObject({ id, version: 2, recipe: MASKED });
  expect(savedRecipes(db).map((recipe) => recipe.id)).toEqual([id]);
  expect(recipeVersions(db, id).map(({ version }) => version)).toEqual([2, 1]);
  expect(restoreRecipe(db, id).version).toBe(2);
  deleteRecipe(db, id);
  const other = saveRecipe(db, draft());
  expect(() => restoreRecipe(db, id)).toThrow(/expected a name of its own/);
  expect(savedRecipes(db).map((recipe) => recipe.id)).toEqual([other.id]);
  expect(() => restoreRecipe(db, 'r-none')).toThrow(/id of a saved recipe/);
});
