/**
 * @file The error patterns by the names the method gives them, each as a recipe of perturbations. A generation takes one of these, or
 * any recipe of its own.
 */
import { DEFAULT_RECIPE, familyOf, Recipe } from '../contract/recipe.ts';
import type { ErrorPattern, NamedRecipe, RecipeInput } from '../contract/recipe.ts';
import { UserError } from '../platform/errors.ts';

/** `rrpo.md` 3.3: the authors' best is a mask over 25-50 % of the picture with a local shuffle; that is the default. */
const OWN: readonly (Omit<NamedRecipe, 'version' | 'recipe'> & { recipe: RecipeInput })[] = [
  {
    id: 'default',
    name: 'Spatio-temporal: mask and local shuffle',
    description:
      "A block over 25-50 % of the picture in every frame, and neighbouring frames in another order. The method's best.",
    family: 'spatio-temporal',
    recipe: DEFAULT_RECIPE,
  },
  {
    id: 'mask',
    name: 'Spatial: mask',
    description: 'A block over 25-50 % of the picture in every frame; the order is kept.',
    family: 'spatio-temporal',
    recipe: [{ op: 'mask' }],
  },
  {
    id: 'shuffle',
    name: 'Temporal: global shuffle',
    description: 'All frames in random order: what was first and which way things moved is lost.',
    family: 'spatio-temporal',
    recipe: [{ op: 'shuffle', scope: 'global' }],
  },
  {
    id: 'reverse',
    name: 'Temporal: reverse',
    description: 'Backwards: directions and order turn around.',
    family: 'spatio-temporal',
    recipe: [{ op: 'reverse' }],
  },
  {
    id: 'freeze',
    name: 'Language prior: frozen video',
    description: 'One frame for the whole clip: what moves has to be guessed.',
    family: 'language-prior',
    recipe: [{ op: 'freeze', at: 'middle' }],
  },
  {
    id: 'blank',
    name: 'Language prior: blank video',
    description: 'No picture at all: the answer comes from the language model alone.',
    family: 'language-prior',
    recipe: [{ op: 'blank' }],
  },
  {
    id: 'suggest',
    name: 'Spurious co-occurrence: suggested concept',
    description:
      'The clip as it is, with a question that suggests a thing which often appears with what the answer names, but not in this clip.',
    family: 'co-occurrence',
    recipe: [],
    prompt: '{question} (Hint: there is {concept}.)',
  },
];

/** The workbench's own recipes, the default first. */
export const RECIPES: readonly NamedRecipe[] = OWN.map((own) => ({
  ...own,
  recipe: Recipe.parse(own.recipe),
  version: null,
}));

/** A recipe ready to be carried out. `family` is null for the clean clip. */
export type Resolved = {
  name: string;
  recipe: Recipe;
  family: ErrorPattern | null;
  /** How a concept is suggested, where it is. */
  prompt?: string;
  /** Of a named one. */
  id?: string;
  /** Of one of the project's own. */
  version?: number;
};

/** Finds one of the project's recipes: a version of it, or the newest (`recipe-store.ts`). */
export type FindRecipe = (id: string, version?: number) => NamedRecipe | undefined;

/** What an answer is counted under in the yield: the recipe's name and version where it has one, otherwise its steps. */
export function recipeKey({ name, recipe, version }: Resolved): string {
  if (version !== undefined) return `${name} (version ${version})`;
  return name === 'custom' ? JSON.stringify(recipe) : name;
}

/** What a person calls a recipe of this {@link recipeKey}: its name, or the ops of one without a name, whose steps are given too. */
export function recipeWords(key: string): { name: string; steps: Recipe | null } {
  if (!key.startsWith('[')) return { name: RECIPES.find(({ id }) => id === key)?.name ?? key, steps: null };
  const steps = Recipe.parse(JSON.parse(key));
  return { name: steps.length === 0 ? 'Clean clip' : steps.map(({ op }) => op).join(' + '), steps };
}

/**
 * A recipe from what a caller gave: nothing (the default), the id of a named one (`id@3` for its version 3), or a list of steps.
 * @param find looks among the project's recipes; without it there are only the workbench's own
 * @throws UserError BAD_INPUT naming the step that cannot be understood.
 */
export function resolveRecipe(given: unknown, find?: FindRecipe): Resolved {
  if (given === undefined || given === null) return resolveRecipe('default');
  if (typeof given === 'string') {
    const own = RECIPES.find((r) => r.id === given);
    if (own) return { id: own.id, name: own.id, recipe: own.recipe, family: own.family, prompt: own.prompt };
    const [, id, version] = /^(.*?)(?:@(\d+))?$/.exec(given)!;
    const saved = find?.(id, version === undefined ? undefined : Number(version));
    if (saved)
      return {
        id: saved.id,
        version: saved.version!,
        name: saved.name,
        recipe: saved.recipe,
        family: saved.family,
        prompt: saved.prompt,
      };
    throw new UserError(
      'BAD_INPUT',
      `recipe: expected one of ${RECIPES.map((r) => r.id).join(', ')}, the id or name of a saved one or a list of steps, got "${given}"`,
      'Choose one of these, or give the steps as JSON.',
    );
  }
  const parsed = Recipe.safeParse(given);
  if (parsed.success) return { name: 'custom', recipe: parsed.data, family: familyOf(parsed.data) };
  const issue = parsed.error.issues[0];
  throw new UserError(
    'BAD_INPUT',
    `recipe: at "${issue.path.join('.') || '(top)'}": ${issue.message}`,
    'Each step is an object with "op": mask, shuffle, reverse, drop, freeze or blank.',
  );
}
