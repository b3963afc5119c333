/** @file Taking a run's adapter along: asks for a folder, writes it there, says where it is. */
import { useMessage } from 'naive-ui';
import { ref, type Ref } from 'vue';
import { sentence } from '../client/errors.ts';
import { pickFolder } from './usePaths.ts';
import { useWorkbench } from './useWorkbench.ts';

export function useAdapterExport(): {
  exporting: Readonly<Ref<boolean>>;
  exportAdapter: (runId: string) => Promise<void>;
} {
  const { api } = useWorkbench();
  const message = useMessage();
  const exporting = ref(false);

  async function exportAdapter(runId: string): Promise<void> {
    const path = await pickFolder({ title: 'Where should the adapter go?' });
    if (!path) return;
    exporting.value = true;
    try {
      const result = await api.exchange.exportAdapter({ runId, path });
      message.success(`The adapter is in ${result.path}`, { duration: 8000, closable: true });
    } catch (error) {
      message.error(sentence(error), { duration: 8000, closable: true });
    } finally {
      exporting.value = false;
    }
  }
  return { exporting, exportAdapter };
}
