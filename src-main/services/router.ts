/** @file Puts the route files together into the implementation of the contract; the one place where errors are mapped. */
import { implement, ORPCError } from '@orpc/server';
import { contract } from '../contract/contract.ts';
import { toPlainError } from '../platform/errors.ts';
import { log } from '../platform/log.ts';
import { appRoutes } from './app-routes.ts';
import { compareRoutes } from './compare-routes.ts';
import { endpointRoutes } from './endpoint-routes.ts';
import { exchangeRoutes } from './exchange-routes.ts';
import { jobsRoutes } from './jobs-routes.ts';
import { libraryRoutes } from './library-routes.ts';
import { negativesRoutes } from './negatives-routes.ts';
import { pairsRoutes } from './pairs-routes.ts';
import { projectRoutes } from './project-routes.ts';
import { trainRoutes } from './train-routes.ts';
import type { Workbench } from './workbench.ts';

/** The implementer every route file receives: the contract's types, with errors already mapped. */
export function createImplementer() {
  return implement(contract).use(async ({ next, path }) => {
    try {
      return await next();
    } catch (thrown) {
      // Input that fails validation, and errors already in contract form, pass as they are.
      if (thrown instanceof ORPCError) throw thrown;
      const plain = toPlainError(thrown);
      if (plain.code === 'INTERNAL') log.error(`call ${path.join('.')} failed`, thrown);
      throw new ORPCError('USER_ERROR', { status: 422, message: plain.message, data: plain });
    }
  });
}
export type Implementer = ReturnType<typeof createImplementer>;

/** The whole contract over one workbench. */
export function createRouter(workbench: Workbench) {
  const os = createImplementer();
  return os.router({
    app: appRoutes(os, workbench),
    project: projectRoutes(os, workbench),
    library: libraryRoutes(os, workbench),
    pairs: pairsRoutes(os, workbench),
    negatives: negativesRoutes(os, workbench),
    endpoint: endpointRoutes(os, workbench),
    train: trainRoutes(os, workbench),
    compare: compareRoutes(os, workbench),
    exchange: exchangeRoutes(os, workbench),
    jobs: jobsRoutes(os, workbench),
  });
}
