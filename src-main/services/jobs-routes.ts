/** @file Routes about jobs: what runs, what ran, cancel. */
import type { Implementer } from './router.ts';
import type { Workbench } from './workbench.ts';

export function jobsRoutes(os: Implementer, workbench: Workbench) {
  return {
    list: os.jobs.list.handler(() => workbench.jobs.list()),
    cancel: os.jobs.cancel.handler(({ input }) => workbench.jobs.cancel(input.jobId)),
  };
}
