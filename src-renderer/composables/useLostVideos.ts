/** @file Clips whose file is gone or cannot be read: show where it is, search a folder for all of them, try again. */
import { useDialog, useMessage } from 'naive-ui';
import type { Job } from '../../src-main/contract/schemas.ts';
import { isConflict, plain, sentence } from '../client/errors.ts';
import { plural } from './format.ts';
import { pickFiles, pickFolder, VIDEO_FILES } from './usePaths.ts';
import { useWorkbench } from './useWorkbench.ts';

export function useLostVideos(): {
  /** Asks for the file of a clip; another content is taken only after a second question. */
  locate: (video: { id: string; name: string }) => Promise<void>;
  /** Asks for a folder and looks in it for every missing clip. */
  search: () => Promise<void>;
  retry: (videoIds: string[]) => Promise<void>;
} {
  const { api, noteJob, on } = useWorkbench();
  const message = useMessage();
  const dialog = useDialog();
  const searches = new Set<string>();

  // What a search found is said when it ends.
  on('job', ({ job }) => {
    if (job.endedAt === null || !searches.delete(job.id)) return;
    const { found = 0, missing = 0 } = (job.result ?? {}) as { found?: number; missing?: number };
    const rest = missing ? `, ${plural(missing, 'is', 'are')} still missing` : '';
    if (job.state === 'failed') message.error(job.error?.message ?? 'The search failed.');
    else if (found === 0) message.warning('No missing clip was found there.');
    else message.success(`${plural(found, 'clip')} found again${rest}.`);
  });

  async function guarded(action: () => Promise<Job | null>): Promise<Job | null> {
    try {
      const job = await action();
      if (job) noteJob(job);
      return job;
    } catch (error) {
      message.error(sentence(error), { duration: 8000, closable: true });
      return null;
    }
  }

  async function take(video: { id: string; name: string }, path: string, replace: boolean): Promise<void> {
    try {
      await api.library.locateVideo({ videoId: video.id, path, replace });
      message.success(`${video.name} has its file again.`);
    } catch (error) {
      if (!isConflict(error) || replace)
        return void message.error(sentence(error), { duration: 8000, closable: true });
      dialog.warning({
        title: 'This is another file',
        content: `${plain(error).message}. Use it in place of ${video.name} all the same? Its questions and pairs stay; its frames are read anew.`,
        positiveText: 'Use this file',
        negativeText: 'Cancel',
        onPositiveClick: () => void take(video, path, true),
      });
    }
  }

  return {
    async locate(video) {
      const [path] = await pickFiles({ title: `Where is ${video.name} now?`, filters: [VIDEO_FILES] });
      if (path) await take(video, path, false);
    },
    async search() {
      const folder = await pickFolder({ title: 'Search a folder for missing clips' });
      if (!folder) return;
      const job = await guarded(() => api.library.searchMissing({ folder }));
      if (job) searches.add(job.id);
    },
    retry: async (videoIds) => void (await guarded(() => api.library.retryVideos({ videoIds }))),
  };
}
