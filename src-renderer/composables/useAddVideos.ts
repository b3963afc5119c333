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
  /** Files, or all clips of a folder, copied into the project. */
  copy: (what: 'files' | 'folder') => Promise<void>;
} {
  const { api, noteJob } = useWorkbench();
  const message = useMessage();
  const adding = ref(false);

  async function add(paths: string[]): Promise<void> {
    if (paths.length === 0) return;
    adding.value = true;
    try {
      const { added, duplicates, found, job } = await api.library.addVideos({ paths });
      if (job) noteJob(job);
      const known = duplicates ? `, ${plural(duplicates, 'was', 'were')} already here` : '';
      const back = found ? `, ${plural(found, 'missing one was', 'missing ones were')} found again` : '';
      if (added + duplicates + found === 0) message.warning('No clip was found there.');
      else message.success(`${plural(added, 'clip')} added${back}${known}.`);
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
    async copy(what) {
      const title =
        what === 'files' ? 'Copy clips into the project' : 'Copy all clips of a folder into the project';
      const folder = what === 'folder' ? await pickFolder({ title }) : null;
      const paths =
        what === 'files'
          ? await pickFiles({ title, filters: [VIDEO_FILES], multiple: true })
          : [folder ?? ''];
      if (!paths[0]) return;
      try {
        noteJob(await api.library.copyVideos({ paths }));
      } catch (error) {
        message.error(sentence(error), { duration: 8000, closable: true });
      }
    },
    async chooseFolder() {
      const folder = await pickFolder({ title: 'Add all clips of a folder' });
      if (folder) await add([folder]);
    },
  };
}
