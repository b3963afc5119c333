/** @file Routes about negatives: generation, and the recipes there are. */
import {
  deleteRecipe,
  recipeVersions,
  restoreRecipe,
  savedRecipes,
  saveRecipe,
} from '../negatives/recipe-store.ts';
import { RECIPES } from '../negatives/recipes.ts';
import { skippedSamples } from '../negatives/generations.ts';
import { generate } from './generation.ts';
import { judgeAnswers, judgePlan } from './judging.ts';
import { perturbedClip } from './model-eye.ts';
import { modelEye } from './preview.ts';
import { judgedAnswers, judgesPrecision, rule } from './rulings.ts';
import { rewritePairs, rewritePlan } from './rewriting.ts';
import type { Implementer } from './router.ts';
import { conceptTable, readConcepts, swapConcepts } from './swapping.ts';
import type { Workbench } from './workbench.ts';
import { negativesYield } from './yield.ts';

export function negativesRoutes(os: Implementer, workbench: Workbench) {
  return {
    recipes: os.negatives.recipes.handler(() => {
      // The Review player offers them as well; without a project there are the workbench's own.
      const { project } = workbench;
      return [...RECIPES, ...(project ? savedRecipes(project.db) : [])];
    }),
    saveRecipe: os.negatives.saveRecipe.handler(({ input }) =>
      saveRecipe(workbench.requireProject().db, input),
    ),
    deleteRecipe: os.negatives.deleteRecipe.handler(({ input: { id } }) =>
      deleteRecipe(workbench.requireProject().db, id),
    ),
    restoreRecipe: os.negatives.restoreRecipe.handler(({ input: { id } }) =>
      restoreRecipe(workbench.requireProject().db, id),
    ),
    recipeVersions: os.negatives.recipeVersions.handler(({ input: { id } }) =>
      recipeVersions(workbench.requireProject().db, id),
    ),
    eye: os.negatives.eye.handler(({ input: { videoId } }) => modelEye(workbench, videoId)),
    perturbed: os.negatives.perturbed.handler(({ input }) => perturbedClip(workbench, input)),
    skipped: os.negatives.skipped.handler(({ input: { jobId, ...page } }) =>
      skippedSamples(workbench.requireProject().db, jobId, page),
    ),
    answers: os.negatives.answers.handler(({ input: { filter, ...page } }) =>
      judgedAnswers(workbench.requireProject().db, filter, page),
    ),
    rule: os.negatives.rule.handler(({ input }) => rule(workbench, input)),
    concepts: os.negatives.concepts.handler(() => conceptTable(workbench.requireProject())),
    readConcepts: os.negatives.readConcepts.handler(() => readConcepts(workbench)),
    swap: os.negatives.swap.handler(({ input }) => swapConcepts(workbench, input).job),
    yield: os.negatives.yield.handler(() => negativesYield(workbench.requireProject().db)),
    judges: os.negatives.judges.handler(() => judgesPrecision(workbench.requireProject().db)),
    judgePlan: os.negatives.judgePlan.handler(() => judgePlan(workbench)),
    rewritePlan: os.negatives.rewritePlan.handler(({ input }) => rewritePlan(workbench, input)),
    rewrite: os.negatives.rewrite.handler(({ input }) => rewritePairs(workbench, input)),
    judge: os.negatives.judge.handler(() => judgeAnswers(workbench)),
    generate: os.negatives.generate.handler(async ({ input }) => (await generate(workbench, input)).job),
  };
}
