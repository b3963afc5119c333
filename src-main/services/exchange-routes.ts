/** @file Routes for what goes out: pairs and adapters. */
import { exportAdapter } from '../exchange/adapter-export.ts';
import { exportPairs } from '../exchange/pairs-export.ts';
import type { Implementer } from './router.ts';
import { runManager } from './run-manager.ts';
import type { Workbench } from './workbench.ts';

export function exchangeRoutes(os: Implementer, workbench: Workbench) {
  return {
    exportPairs: os.exchange.exportPairs.handler(({ input }) =>
      exportPairs(workbench.requireProject(), input),
    ),
    exportAdapter: os.exchange.exportAdapter.handler(async ({ input }) =>
      exportAdapter(await runManager(workbench).adapterDir(input.runId), input.path),
    ),
  };
}
