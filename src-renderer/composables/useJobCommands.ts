/** @file Cancel, pause and resume of a job, wherever its button stands; a refusal is said. */
import { useMessage } from 'naive-ui';
import { sentence } from '../client/errors.ts';
import { useWorkbench } from './useWorkbench.ts';

export type JobCommand = 'cancel' | 'pause' | 'resume';

export function useJobCommands(): (what: JobCommand, jobId: string) => Promise<void> {
  const { api } = useWorkbench();
  const message = useMessage();
  return async (what, jobId) => {
    try {
      await api.jobs[what]({ jobId });
    } catch (error) {
      message.error(sentence(error));
    }
  };
}
