/** @file Routes about negatives: generation, and the recipes there are. */
import { RECIPES } from '../negatives/recipes.ts';
import { generate } from './generation.ts';
import type { Implementer } from './router.ts';
import type { Workbench } from './workbench.ts';

export function negativesRoutes(os: Implementer, workbench: Workbench) {
  return {
    recipes: os.negatives.recipes.handler(() => [...RECIPES]),
    generate: os.negatives.generate.handler(({ input }) => generate(workbench, input).job),
  };
}
