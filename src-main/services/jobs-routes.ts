/** @file Routes about jobs: what runs, what ran, cancel, pause, resume. */
import type { Implementer } from './router.ts';
import type { Workbench } from './workbench.ts';

export function jobsRoutes(os: Implementer, workbench: Workbench) {
  return {
    list: os.jobs.list.handler(() => workbench.jobs.list()),
    cancel: os.jobs.cancel.handler(({ input }) => workbench.jobs.cancel(input.jobId)),
    pause: os.jobs.pause.handler(({ input }) => workbench.jobs.pause(input.jobId)),
    resume: os.jobs.resume.handler(({ input }) => workbench.jobs.resume(input.jobId)),
  };
}
