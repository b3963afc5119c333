/** @file Work over many pairs whose outcome its caller waits for, shown as a job: with progress, time left and cancel. */
import type { Job } from '../contract/schemas.ts';
import type { BulkContext } from '../pairs/bulk.ts';
import type { Workbench } from './workbench.ts';

/**
 * Runs `work` as a job and gives what it gives. A call that is given up takes its job along.
 * @throws what `work` throws; UserError CANCELLED
 */
export async function awaitedJob<T>(
  workbench: Workbench,
  what: Pick<Job, 'kind' | 'title'>,
  call: AbortSignal | undefined,
  work: (context: BulkContext) => Promise<T>,
): Promise<T> {
  const { job, done } = workbench.jobs.enqueue({
    ...what,
    lane: 'shell',
    run: ({ signal, progress }) =>
      work({ signal, onStep: (at, total) => progress(at / total, `${at} of ${total} pairs`) }),
  });
  const giveUp = (): void => workbench.jobs.cancel(job.id);
  if (call?.aborted) giveUp();
  call?.addEventListener('abort', giveUp, { once: true });
  try {
    return await done;
  } finally {
    call?.removeEventListener('abort', giveUp);
  }
}
