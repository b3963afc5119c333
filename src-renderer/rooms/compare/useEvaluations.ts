/** @file The evaluations of base and one tuned run on one split: what is there, what is missing, asking for it, and the rows of both. */
import { useMessage } from 'naive-ui';
import { computed, ref, type Ref } from 'vue';
import type { Evaluation, Split } from '../../../src-main/contract/schemas.ts';
import { sentence } from '../../client/errors.ts';
import { useLoad } from '../../composables/useLoad.ts';
import { useWorkbench } from '../../composables/useWorkbench.ts';

/** `asked` is the run of the address; without one, or when it has no adapter, the newest tuned run is taken. */
export function useEvaluations(asked: Readonly<Ref<string | null>>, split: Readonly<Ref<Split>>) {
  const { api, on, lineNumber, activeJobs, noteJob } = useWorkbench();
  const message = useMessage();
  const runs = useLoad((signal) => api.train.runs(undefined, { signal }), [lineNumber]);
  const evaluations = useLoad((signal) => api.compare.evaluations(undefined, { signal }), [lineNumber]);
  on('evaluation', () => void evaluations.reload());
  on('run', ({ run }) => {
    if (run.state === 'done' || run.state === 'stopped') void runs.reload();
  });

  const tunedRuns = computed(() =>
    (runs.data.value ?? [])
      .filter((run) => run.adapterDir !== null)
      .sort((a, b) => b.createdAt - a.createdAt),
  );
  /** The run that was asked for, or the latest that came to its end; one that was stopped only when there is no other. */
  const runId = computed(() => {
    const known = tunedRuns.value;
    const shown =
      known.find((run) => run.id === asked.value) ?? known.find((run) => run.state === 'done') ?? known[0];
    return shown?.id ?? null;
  });
  const run = computed(() => tunedRuns.value.find((candidate) => candidate.id === runId.value) ?? null);

  const of = (id: string | null): Evaluation[] =>
    (evaluations.data.value ?? [])
      .filter((evaluation) => evaluation.runId === id && evaluation.split === split.value)
      .sort((a, b) => b.createdAt - a.createdAt);
  const tuned = computed(() => (runId.value === null ? null : (of(runId.value)[0] ?? null)));
  /** Of the model that was tuned, where the project has had others. */
  const base = computed(() => {
    const all = of(null);
    return all.find(({ modelHash }) => modelHash === tuned.value?.modelHash) ?? all[0] ?? null;
  });

  const evaluating = computed(() => activeJobs.value.filter((job) => job.kind === 'evaluate'));
  const starting = ref(false);
  /** What is missing is answered; when nothing is missing, both are answered anew. */
  async function evaluate(): Promise<void> {
    const wanted: (string | null)[] = [];
    const both = base.value !== null && tuned.value !== null;
    if (!base.value || both) wanted.push(null);
    if (runId.value !== null && (!tuned.value || both)) wanted.push(runId.value);
    starting.value = true;
    try {
      for (const id of wanted) noteJob(await api.compare.evaluate({ runId: id, split: split.value }));
    } catch (error) {
      message.error(sentence(error), { duration: 8000, closable: true });
    } finally {
      starting.value = false;
    }
  }
  const evaluateLabel = computed(() => {
    if (!base.value && runId.value !== null && !tuned.value) return 'Evaluate base and tuned';
    if (!base.value) return 'Evaluate the base model';
    if (runId.value !== null && !tuned.value) return 'Evaluate the tuned model';
    return 'Evaluate again';
  });

  const rows = useLoad(
    async (signal) =>
      base.value && tuned.value
        ? api.compare.rows({ baseId: base.value.id, tunedId: tuned.value.id, only: 'all' }, { signal })
        : undefined,
    [() => base.value?.id, () => tuned.value?.id],
  );
  const paired = useLoad(
    async (signal) =>
      base.value && tuned.value
        ? api.compare.difference({ baseId: base.value.id, tunedId: tuned.value.id }, { signal })
        : undefined,
    [() => base.value?.id, () => tuned.value?.id],
  );

  return {
    runs,
    evaluations,
    tunedRuns,
    run,
    runId,
    base,
    tuned,
    evaluating,
    starting,
    evaluate,
    evaluateLabel,
    rows,
    paired,
  };
}
