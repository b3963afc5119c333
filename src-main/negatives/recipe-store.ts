/**
 * @file The project's own recipes. A save with other steps or another prompt is a new version and the earlier ones stay, so that what was made with
 * them can say what it was made with.
 */
import { Recipe, type ErrorPattern, type NamedRecipe, type RecipeDraft } from '../contract/recipe.ts';
import { UserError } from '../platform/errors.ts';
import { newId } from '../project/ids.ts';
import type { Database } from '../project/sqlite.ts';
import { RECIPES, resolveRecipe, type Resolved } from './recipes.ts';

type Row = {
  id: string;
  version: number;
  name: string;
  description: string;
  family: ErrorPattern;
  steps: string;
  prompt: string | null;
};

const fromRow = ({ id, version, name, description, family, steps, prompt }: Row): NamedRecipe => ({
  id,
  version,
  name,
  description,
  family,
  recipe: Recipe.parse(JSON.parse(steps)),
  ...(prompt === null ? {} : { prompt }),
});

/** Every version of a saved recipe, newest first; also of one that was deleted. */
export function recipeVersions(db: Database, id: string): NamedRecipe[] {
  return db.prepare<Row>('SELECT * FROM recipes WHERE id = ? ORDER BY version DESC').all(id).map(fromRow);
}

/** The newest version of each recipe that is not deleted, by name. */
export function savedRecipes(db: Database): NamedRecipe[] {
  return db
    .prepare<Row>(
      `SELECT * FROM recipes r WHERE deleted_at IS NULL
         AND version = (SELECT max(version) FROM recipes WHERE id = r.id) ORDER BY name COLLATE NOCASE`,
    )
    .all()
    .map(fromRow);
}

/** One version of a recipe, deleted or not; without `version` the newest of one that is not deleted, also by its name. */
function findRecipe(db: Database, id: string, version?: number): NamedRecipe | undefined {
  return version === undefined
    ? savedRecipes(db).find((saved) => saved.id === id || saved.name === id)
    : recipeVersions(db, id).find((saved) => saved.version === version);
}

/** {@link resolveRecipe} among the workbench's and the project's recipes. */
export function projectRecipe(db: Database, given: unknown): Resolved {
  return resolveRecipe(given, (id, version) => findRecipe(db, id, version));
}

/** What {@link projectRecipe} takes, fixed to the version of now: what is continued later must not become something else. */
export function pinnedRecipe(db: Database, given: unknown): unknown {
  const { id, version } = projectRecipe(db, given);
  return version === undefined ? given : `${id}@${version}`;
}

/**
 * Saves a recipe and returns it as it is now. A new name or description alone changes the newest version in place.
 * @throws UserError CONFLICT when another recipe has the name; NOT_FOUND for an id that is none of the project's recipes
 */
export function saveRecipe(
  db: Database,
  { id, name, description, family, recipe, prompt }: RecipeDraft,
): NamedRecipe {
  return db.transaction(() => {
    if (id !== undefined && RECIPES.some((own) => own.id === id))
      throw new UserError(
        'CONFLICT',
        `recipe "${id}": expected one of the project's recipes, got one of the workbench's own, which never change`,
        'Save it under a new name.',
      );
    expectOwnName(db, name, id);
    const newest = id === undefined ? undefined : findRecipe(db, id);
    if (id !== undefined && newest === undefined) throw noSuchRecipe(id);
    const steps = JSON.stringify(recipe);
    if (newest && JSON.stringify(newest.recipe) === steps && newest.prompt === prompt)
      db.prepare('UPDATE recipes SET name = ?, description = ?, family = ? WHERE id = ? AND version = ?').run(
        name,
        description,
        family,
        newest.id,
        newest.version,
      );
    else
      db.insert('recipes', {
        id: (id ??= newId('r')),
        version: (newest?.version ?? 0) + 1,
        name,
        description,
        family,
        steps,
        prompt: prompt ?? null,
        created_at: Date.now(),
        deleted_at: null,
      });
    return findRecipe(db, id!)!;
  });
}

/** @throws UserError CONFLICT when a recipe other than `id` has the name */
function expectOwnName(db: Database, name: string, id: string | undefined): void {
  const same = (other: string): boolean => other.toLowerCase() === name.toLowerCase();
  const taken = [...RECIPES, ...savedRecipes(db)].some(
    (other) => other.id !== id && (same(other.name) || same(other.id)),
  );
  if (taken)
    throw new UserError(
      'CONFLICT',
      `recipe name "${name}": expected a name of its own, got that of another recipe`,
      'Choose another name, or open that recipe and save it there.',
    );
}

/** Takes a recipe out of the lists; its versions stay. @throws UserError NOT_FOUND */
export function deleteRecipe(db: Database, id: string): void {
  if (!findRecipe(db, id)) throw noSuchRecipe(id);
  db.prepare('UPDATE recipes SET deleted_at = ? WHERE id = ?').run(Date.now(), id);
}

/**
 * Puts a deleted recipe back into the lists, with all its versions; one that is there stays as it is.
 * @throws UserError NOT_FOUND for an id that was never saved; CONFLICT when another recipe has the name by now
 */
export function restoreRecipe(db: Database, id: string): NamedRecipe {
  return db.transaction(() => {
    const newest = recipeVersions(db, id).at(0);
    if (newest === undefined) throw noSuchRecipe(id);
    expectOwnName(db, newest.name, id);
    db.prepare('UPDATE recipes SET deleted_at = NULL WHERE id = ?').run(id);
    return newest;
  });
}

const noSuchRecipe = (id: string): UserError =>
  new UserError(
    'NOT_FOUND',
    `recipe: expected the id of a saved recipe, got "${id}"`,
    'It may have been deleted; save it as a new one.',
  );
