/** @file Routes for what goes out: pairs and adapters. */
import path from 'node:path';
import { exportAdapter } from '../exchange/adapter-export.ts';
import { expectEmpty } from '../exchange/new-folder.ts';
import { exportPairs } from '../exchange/pairs-export.ts';
import { awaitedJob } from './awaited-job.ts';
import type { Implementer } from './router.ts';
import { runManager } from './run-manager.ts';
import type { Workbench } from './workbench.ts';

export function exchangeRoutes(os: Implementer, workbench: Workbench) {
  return {
    exportPairs: os.exchange.exportPairs.handler(({ input, signal }) => {
      const project = workbench.requireProject();
      return awaitedJob(workbench, { kind: 'export', title: 'Pairs to a file' }, signal, (context) =>
        exportPairs(project, input, context),
      );
    }),
    exportAdapter: os.exchange.exportAdapter.handler(async ({ input }) =>
      exportAdapter(await runManager(workbench).adapterDir(input.runId), input.path),
    ),
    exportMerged: os.exchange.exportMerged.handler(async ({ input }) => {
      const { name, modelDir, adapterDir } = await runManager(workbench).tuned(input.runId);
      const target = path.resolve(input.path);
      await expectEmpty(target); // refused at once, not when its turn comes
      return workbench.jobs.enqueue({
        kind: 'export',
        title: `Writing ${name} as one model`,
        lane: 'engine',
        run: ({ signal, progress }) =>
          workbench.workers.engine.call(
            'merge',
            { modelDir, adapterDir, target },
            { signal, onEvent: (fraction) => progress(fraction, `to ${target}`) },
          ),
        result: (written) => written,
      }).job;
    }),
  };
}
