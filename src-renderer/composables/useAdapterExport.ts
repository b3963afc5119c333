/** @file Taking along what a run has made: its adapter, or its model with the adapter merged in. Asks for a folder, writes it there, says where it is. */
import { useMessage } from 'naive-ui';
import { ref, type Ref } from 'vue';
import type { Job } from '../../src-main/contract/schemas.ts';
import { sentence } from '../client/errors.ts';
import { pickFolder } from './usePaths.ts';
import { useWorkbench } from './useWorkbench.ts';

export type ExportForm = 'adapter' | 'merged';
const TITLES: Record<ExportForm, string> = {
  adapter: 'Where should the adapter go?',
  merged: 'Where should the model go?',
};

export function useAdapterExport(): {
  exporting: Readonly<Ref<boolean>>;
  exportRun: (runId: string, form: ExportForm) => Promise<void>;
} {
  const { api, jobs, on, noteJob } = useWorkbench();
  const message = useMessage();
  const exporting = ref(false);
  /** The job that writes a whole model: it goes on while other rooms are open. */
  let mine: string | null = null;
  function follow(job: Job): void {
    if (job.id !== mine || job.endedAt === null) return;
    mine = null;
    exporting.value = false;
    const { state, detail, error } = job;
    if (state === 'done')
      message.success(`The model is written ${detail}`, { duration: 8000, closable: true });
    else if (error && state === 'failed') message.error(error.message, { duration: 8000, closable: true });
  }
  on('job', ({ job }) => follow(job));

  async function exportRun(runId: string, form: ExportForm): Promise<void> {
    const path = await pickFolder({ title: TITLES[form] });
    if (!path) return;
    exporting.value = true;
    try {
      if (form === 'merged') {
        const started = await api.exchange.exportMerged({ runId, path });
        mine = started.id;
        // A short one may have ended before this answer came.
        const known = jobs.value.get(started.id);
        if (known) follow(known);
        else noteJob(started);
        return;
      }
      const result = await api.exchange.exportAdapter({ runId, path });
      message.success(`The adapter is in ${result.path}`, { duration: 8000, closable: true });
    } catch (error) {
      message.error(sentence(error), { duration: 8000, closable: true });
    }
    exporting.value = false;
  }
  return { exporting, exportRun };
}
