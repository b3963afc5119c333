/** @file One change to many pairs, followed to its end, and taken back as a whole. */
import { useMessage } from 'naive-ui';
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import {
  BulkReport,
  BulkUndoReport,
  type Bulk,
  type BulkAction,
  type Job,
  type PairSelection,
} from '../../../src-main/contract/schemas.ts';
import { sentence } from '../../client/errors.ts';
import { plural } from '../../composables/format.ts';
import { useWorkbench } from '../../composables/useWorkbench.ts';

export interface BulkChanges {
  /** The one that is under way. */
  readonly running: ComputedRef<Job | null>;
  /** The latest one that can be taken back. */
  readonly last: Readonly<ShallowRef<Bulk | null>>;
  /** True from the click until the first sign of the job. */
  readonly starting: Readonly<Ref<boolean>>;
  start: (selection: PairSelection, action: BulkAction) => Promise<boolean>;
  undo: () => Promise<void>;
}

export function useBulk(): BulkChanges {
  const { api, jobs, noteJob, on, lineNumber, project } = useWorkbench();
  const message = useMessage();
  const last = shallowRef<Bulk | null>(null);
  const starting = ref(false);
  const mine = ref<string | null>(null);
  const running = computed(
    () =>
      [...jobs.value.values()].find(
        (job) => job.kind === 'bulk' && (job.state === 'running' || job.state === 'queued'),
      ) ?? null,
  );

  async function readLast(): Promise<void> {
    last.value = project.value ? await api.pairs.lastBulk().catch(() => last.value) : null;
  }
  on('pairs', () => void readLast());
  watch([lineNumber, () => project.value?.id], () => void readLast(), { immediate: true });
  on('job', ({ job }) => {
    if (job.id === mine.value && job.endedAt !== null) ended(job);
  });
  function ended(job: Job): void {
    mine.value = null;
    if (job.error && job.state === 'failed')
      message.error(job.error.message, { duration: 8000, closable: true });
    const report = BulkReport.safeParse(job.result);
    const undone = BulkUndoReport.safeParse(job.result);
    if (report.success)
      message.success(
        `${plural(report.data.changed, 'pair')} changed${report.data.unchanged ? `, ${report.data.unchanged} were so already` : ''}.`,
      );
    else if (undone.success)
      message.success(
        `${plural(undone.data.undone, 'pair')} as before${undone.data.kept ? `; ${undone.data.kept} changed since and left alone` : ''}.`,
      );
    void readLast();
  }

  async function begin(call: () => Promise<Job>): Promise<boolean> {
    if (starting.value || running.value) return false;
    starting.value = true;
    try {
      const job = await call();
      // A short one may have ended before this answer came.
      const known = jobs.value.get(job.id);
      if (known && known.endedAt !== null) ended(known);
      else {
        mine.value = job.id;
        if (!known) noteJob(job);
      }
      return true;
    } catch (error) {
      message.error(sentence(error), { duration: 8000, closable: true });
      return false;
    } finally {
      starting.value = false;
    }
  }

  return {
    running,
    last,
    starting,
    start: (selection, action) => begin(() => api.pairs.bulk({ selection, action })),
    async undo() {
      const bulk = last.value;
      if (bulk) await begin(() => api.pairs.undoBulk({ bulkId: bulk.id }));
    },
  };
}
