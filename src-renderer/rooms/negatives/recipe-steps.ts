/** @file The steps of a recipe as the editor shows and changes them: words, first settings, order, and what to warn of. */
import type { PlannedFrame } from '../../../src-main/contract/perturb.ts';
import { RecipeStep, type Recipe } from '../../../src-main/contract/recipe.ts';

export type Op = RecipeStep['op'];

export const STEP_WORDS: Record<Op, { label: string; help: string }> = {
  mask: { label: 'Mask', help: 'Covers a part of the picture' },
  shuffle: { label: 'Shuffle', help: 'Puts frames into another order' },
  reverse: { label: 'Reverse', help: 'Plays backwards' },
  drop: { label: 'Drop', help: 'Loses frames' },
  freeze: { label: 'Freeze', help: 'Shows one frame throughout' },
  blank: { label: 'Blank', help: 'Covers every picture' },
};

/** A step with the settings it starts from. */
export const newStep = (op: Op): RecipeStep => RecipeStep.parse({ op });

/** The recipe with step `from` at `to`; the same recipe when there is no such place. */
export function moved(recipe: Recipe, from: number, to: number): Recipe {
  if (to < 0 || to >= recipe.length) return recipe;
  const rest = recipe.toSpliced(from, 1);
  return rest.toSpliced(to, 0, recipe[from]);
}

/** Whether every frame of a plan is covered as a whole by one of its layers. */
function coversAll(plan: readonly PlannedFrame[]): boolean {
  return plan.every(({ layers }) =>
    layers.some((layer) => {
      switch (layer.shape) {
        case 'all':
          return true;
        case 'block':
          return layer.area >= 1;
        case 'patches':
          return layer.cells.length === layer.grid * layer.grid;
        default:
          return layer satisfies never;
      }
    }),
  );
}

/**
 * What a person should know of a recipe on this clip, in words; nothing is forbidden.
 * @param frames the video's frames that the model is given
 * @param suggests whether the question suggests a concept, so that a clip may well stay as it is
 */
export function warnings(
  plan: readonly PlannedFrame[],
  frames: readonly number[],
  suggests = false,
): string[] {
  const told: string[] = [];
  const untouched = plan.every(({ source, layers }, k) => source === k && layers.length === 0);
  if (coversAll(plan))
    told.push('The whole picture is covered in every frame: answers come from language alone.');
  else if (!suggests && untouched && plan.length === frames.length)
    told.push('This clip stays as it is: the model is asked about the clean clip.');
  const own = new Set(frames).size;
  if (own < frames.length)
    told.push(
      `The clip has ${own === 1 ? 'one frame' : `${own} frames`}; the model is given ${frames.length}, so some are repeated.`,
    );
  return told;
}
