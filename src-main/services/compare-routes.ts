/** @file Routes about what training changed: evaluations, side-by-side rows, one question now. */
import { compareEvaluations, comparisonRows, listEvaluations } from '../compare/evaluations.ts';
import { ask, evaluate } from './evaluation.ts';
import { makeCandidate } from './lineage.ts';
import type { Implementer } from './router.ts';
import type { Workbench } from './workbench.ts';

export function compareRoutes(os: Implementer, workbench: Workbench) {
  const db = () => workbench.requireProject().db;
  return {
    evaluations: os.compare.evaluations.handler(() => listEvaluations(db())),
    evaluate: os.compare.evaluate.handler(async ({ input }) => (await evaluate(workbench, input)).job),
    rows: os.compare.rows.handler(({ input }) =>
      comparisonRows(db(), input.baseId, input.tunedId, input.only),
    ),
    difference: os.compare.difference.handler(({ input }) =>
      compareEvaluations(db(), input.baseId, input.tunedId),
    ),
    makeCandidate: os.compare.makeCandidate.handler(({ input }) => makeCandidate(workbench, input)),
    ask: os.compare.ask.handler(({ input }) => ask(workbench, input)),
  };
}
