/** @file Adding clips by reference, with what happened said in one line. */
import { useMessage } from 'naive-ui';
import { ref, type Ref } from 'vue';
import { sentence } from '../client/errors.ts';
import { plural } from './format.ts';
import { pickFiles, pickFolder, VIDEO_FILES } from './usePaths.ts';
import { useWorkbench } from './useWorkbench.ts';

export function useAddVideos(): {
  adding: Readonly<Ref<boolean>>;
  add: (paths: string[]) => Promise<void>;
  choose: (note?: string) => Promise<void>;
  chooseFolder: () => Promise<void>;
} {
  const { api, noteJob } = useWorkbench();
  const message = useMessage();
  const adding = ref(false);

  async function add(paths: string[]): Promise<void> {
    if (paths.length === 0) return;
    adding.value = true;
    try {
      const { added, duplicates, job } = await api.library.addVideos({ paths });
      if (job) noteJob(job);
      const known = duplicates ? `, ${plural(duplicates, 'was', 'were')} already here` : '';
      if (added + duplicates === 0) message.warning('No clip was found there.');
      else message.success(`${plural(added, 'clip')} added${known}.`);
    } catch (error) {
      message.error(sentence(error), { duration: 8000, closable: true });
    } finally {
      adding.value = false;
    }
  }

  return {
    adding,
    add,
    choose: async (note = '') =>
      add(await pickFiles({ title: 'Add clips', filters: [VIDEO_FILES], multiple: true, note })),
    async chooseFolder() {
      const folder = await pickFolder({ title: 'Add all clips of a folder' });
      if (folder) await add([folder]);
    },
  };
}
