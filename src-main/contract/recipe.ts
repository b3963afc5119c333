/**
 * @file How a video is broken before a model is asked about it: a recipe is a list of steps on the frames that the model would be given.
 * Shared by the studio's form, the generation job and its provenance; `media/perturb.ts` carries it out.
 */
import { z } from 'zod';

/** What covers pixels: a colour [r, g, b], the frame's own mean colour, or seeded noise. */
export const Fill = z.union([
  z.tuple([
    z.number().int().min(0).max(255),
    z.number().int().min(0).max(255),
    z.number().int().min(0).max(255),
  ]),
  z.literal('mean'),
  z.literal('noise'),
]);
export type Fill = z.infer<typeof Fill>;

/** The grey of the method's own example figure. */
export const GREY: [number, number, number] = [245, 245, 245];

const MaskStep = z.object({
  op: z.literal('mask'),
  /** 'block': one square; 'patches': cells of a grid. */
  shape: z.enum(['block', 'patches']).default('block'),
  /** Least and most of the area that is covered; drawn once per recipe (tube) or per frame. */
  ratio: z
    .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
    .refine(([low, high]) => low <= high, 'expected the least share before the most')
    .default([0.25, 0.5]),
  /** 'tube': the same place in every frame; 'frame': a new place in each. */
  span: z.enum(['tube', 'frame']).default('tube'),
  /** Cells a side, for 'patches'. */
  grid: z.number().int().min(2).max(64).default(14),
  fill: Fill.default(GREY),
});

const ShuffleStep = z.object({
  op: z.literal('shuffle'),
  /** 'local': within windows of consecutive frames; 'global': over the whole clip. The order always changes. */
  scope: z.enum(['local', 'global']).default('local'),
  /** Frames a window, for 'local'. */
  window: z.number().int().min(2).max(64).default(4),
});

const ReverseStep = z.object({ op: z.literal('reverse') });

const DropStep = z.object({
  op: z.literal('drop'),
  /** Share of the frames that are lost; at least one frame stays. */
  ratio: z.number().min(0).max(1).default(0.5),
  /** 'repeat': the frame before a lost one is shown again, so the count stays; 'remove': fewer frames. */
  replace: z.enum(['repeat', 'remove']).default('repeat'),
});

const FreezeStep = z.object({
  op: z.literal('freeze'),
  /** The one frame that is shown throughout. */
  at: z.enum(['first', 'middle', 'last', 'random']).default('middle'),
});

const BlankStep = z.object({ op: z.literal('blank'), fill: Fill.default(GREY) });

/** One perturbation. */
export const RecipeStep = z.discriminatedUnion('op', [
  MaskStep,
  ShuffleStep,
  ReverseStep,
  DropStep,
  FreezeStep,
  BlankStep,
]);
export type RecipeStep = z.infer<typeof RecipeStep>;

/** Steps in order; the empty recipe leaves the clip as it is. */
export const Recipe = z.array(RecipeStep).max(16);
export type Recipe = z.infer<typeof Recipe>;
/** A recipe as a person or a file may write it: fields with a default may be left out. */
export type RecipeInput = z.input<typeof Recipe>;

/** The method's best variant: 25-50 % of the area behind one block that stays in place, and frames shuffled within short windows. */
export const DEFAULT_RECIPE: Recipe = Recipe.parse([{ op: 'mask' }, { op: 'shuffle' }]);

/**
 * The method's three families of errors (`rrpo.md` 5, product N2): what a wrong answer under a recipe is evidence of. Spatio-temporal
 * misunderstanding, spurious co-occurrence of concepts, over-reliance on the language prior.
 */
export const ErrorPattern = z.enum(['spatio-temporal', 'co-occurrence', 'language-prior']);
export type ErrorPattern = z.infer<typeof ErrorPattern>;

/**
 * The family of an answer that a model gave under these steps: without a moving picture it comes from the language prior, otherwise
 * what was seen was misunderstood. Null for no steps: an error on the clean clip is of no family by itself.
 */
export function familyOf(recipe: readonly RecipeStep[]): ErrorPattern | null {
  if (recipe.length === 0) return null;
  return recipe.some((step) => step.op === 'freeze' || hidesAll(step)) ? 'language-prior' : 'spatio-temporal';
}

/** Whether nothing of any picture is left after this step: a whole mask is a blank by another name. */
function hidesAll(step: RecipeStep): boolean {
  return step.op === 'blank' || (step.op === 'mask' && step.ratio[0] === 1);
}

/** A question that suggests a concept: `{question}` and `{concept}` stand for them. */
export const SuggestionPrompt = z
  .string()
  .max(1000)
  .refine(
    (text) => text.includes('{question}') && text.includes('{concept}'),
    'expected {question} and {concept} in it',
  );

/** A recipe with a name: one of the workbench's own, or a saved one of the project. */
export const NamedRecipe = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  family: ErrorPattern,
  recipe: Recipe,
  /** The question as it is asked, where it suggests a concept. */
  prompt: SuggestionPrompt.optional(),
  /** Counts from 1 with each saved change of the steps; null for the workbench's own, which never change. */
  version: z.number().int().positive().nullable(),
});
export type NamedRecipe = z.infer<typeof NamedRecipe>;

/** A recipe as it is saved: under the id of a saved one (its next version, when the steps or the prompt differ), or as a new one. */
export const RecipeDraft = NamedRecipe.pick({
  description: true,
  family: true,
  recipe: true,
  prompt: true,
}).extend({
  id: z.string().optional(),
  name: z.string().trim().min(1).max(80),
});
export type RecipeDraft = z.infer<typeof RecipeDraft>;
