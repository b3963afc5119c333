/** @file A tuned answer becomes a candidate for review in one step, and is taken back in one, too. */
import { useMessage, type MessageReactive } from 'naive-ui';
import { computed, h, onScopeDispose, ref, shallowRef, type ComputedRef } from 'vue';
import { useRouter } from 'vue-router';
import type { ComparisonRow } from '../../../src-main/contract/schemas.ts';
import { sentence } from '../../client/errors.ts';
import MessageActions from '../../components/MessageActions.vue';
import { useWorkbench } from '../../composables/useWorkbench.ts';
import { madeWords } from './flips.ts';

const SHOWN_MS = 10_000;

export interface Candidates {
  make: (row: ComparisonRow) => Promise<void>;
  /** Takes the latest one back. */
  undo: () => Promise<void>;
  /** Pairs that were made here and not taken back, oldest first. */
  readonly made: ComputedRef<readonly string[]>;
}

/** @param evaluationId the tuned model's evaluation that is shown. @param changed reads the rows again */
export function useCandidates(evaluationId: () => string | null, changed: () => Promise<void>): Candidates {
  const { api } = useWorkbench();
  const router = useRouter();
  const message = useMessage();
  const made = shallowRef<readonly string[]>([]);
  const busy = ref(false);
  let shown: MessageReactive | undefined;
  onScopeDispose(() => shown?.destroy());

  const failed = (error: unknown): void =>
    void message.error(sentence(error), { duration: 8000, closable: true });

  function tell(row: ComparisonRow, pairId: string, isNew: boolean): void {
    const open = (): void => void router.push({ name: 'review', params: { pairId } });
    const actions = [{ label: 'Open in Review', run: open }];
    if (isNew) actions.push({ label: 'Undo', run: () => void undo() });
    const { tone, text } = madeWords(row, isNew);
    shown?.destroy();
    shown = message[tone](() => h(MessageActions, { text, actions }), { duration: SHOWN_MS, closable: true });
  }

  async function make(row: ComparisonRow): Promise<void> {
    const id = evaluationId();
    if (id === null || busy.value || row.pairId !== null) return;
    busy.value = true;
    try {
      const { pairId, isNew } = await api.compare.makeCandidate({ evaluationId: id, sampleId: row.sampleId });
      if (isNew) made.value = [...made.value, pairId];
      tell(row, pairId, isNew);
      await changed();
    } catch (error) {
      failed(error);
    } finally {
      busy.value = false;
    }
  }

  async function undo(): Promise<void> {
    const pairId = made.value.at(-1);
    if (pairId === undefined || busy.value) return;
    busy.value = true;
    // Whatever comes of it: a pair that somebody has worked on is not this key's to take back any more.
    made.value = made.value.slice(0, -1);
    try {
      await api.pairs.withdraw({ pairId });
      shown?.destroy();
      message.info('Taken back: the answer is no pair any more.');
      await changed();
    } catch (error) {
      failed(error);
    } finally {
      busy.value = false;
    }
  }
  return { make, undo, made: computed(() => made.value) };
}
