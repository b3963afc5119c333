/** @file Before a project is left: what runs in it would be stopped, so the person is asked first. */
import { useDialog } from 'naive-ui';
import { plural } from './format.ts';
import { useWorkbench } from './useWorkbench.ts';

/** Work that begins again by itself when the project is opened. */
const BY_ITSELF: readonly string[] = ['probe', 'proxy'];

/**
 * Gives a question: may the open project be left? At once yes when nothing would be stopped, or when `next`, the folder to be opened, is the
 * one that is open.
 */
export function useLeaving(): (next?: string) => Promise<boolean> {
  const { activeJobs, project } = useWorkbench();
  const dialog = useDialog();
  return (next) => {
    if (next !== undefined && next === project.value?.path) return Promise.resolve(true);
    const running = activeJobs.value.filter((job) => !BY_ITSELF.includes(job.kind));
    if (running.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      dialog.warning({
        title: `${plural(running.length, 'job is', 'jobs are')} not done`,
        content: `${running.map((job) => job.title).join(', ')}: leaving the project stops this. Training keeps its steps, a generation its answers and an import its rows, to go on later; other work begins anew.`,
        positiveText: 'Stop and leave',
        negativeText: 'Stay',
        onPositiveClick: () => resolve(true),
        // However it was closed otherwise.
        onAfterLeave: () => resolve(false),
      });
    });
  };
}
