/**
 * @file Pairs chosen for one change: some by name (click, Ctrl, Shift), or all that pass the filter, which are never read for that. A
 * selection belongs to one filter and ends with it.
 */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue';
import type { PairFilter, PairSelection, PairSummary } from '../../../src-main/contract/schemas.ts';
import type { Pages } from '../../composables/usePages.ts';

/** Rows asked for at a time while a range is filled up. */
const PAGE = 500;

type Modifiers = Pick<MouseEvent, 'shiftKey' | 'ctrlKey' | 'metaKey'>;

export interface Selection {
  readonly size: ComputedRef<number>;
  /** The end that Shift and an arrow key move, as an index of the list; -1 at rest. */
  readonly cursor: Readonly<Ref<number>>;
  has: (pairId: string) => boolean;
  /** Takes a click or an arrow key with its modifiers; false when it was a plain one and means opening the pair. */
  take: (index: number, open: number, event: Modifiers) => boolean;
  all: () => void;
  clear: () => void;
  /** For the services; null when nothing is chosen. */
  value: () => PairSelection | null;
}

export function useSelection(
  filter: Ref<PairFilter>,
  pages: Pages<PairSummary>,
  read: (question: {
    offset: number;
    limit: number;
    filter: PairFilter;
  }) => Promise<{ rows: readonly PairSummary[] }>,
): Selection {
  /** Chosen by name; with `everything`, the ones left out. */
  const ids = shallowRef<ReadonlySet<string>>(new Set());
  const everything = ref(false);
  const anchor = ref(-1);
  const cursor = ref(-1);
  let asked = 0;

  function clear(): void {
    asked++;
    ids.value = new Set();
    everything.value = false;
    anchor.value = cursor.value = -1;
  }
  watch(filter, clear);

  async function range(from: number, to: number): Promise<void> {
    const mine = ++asked;
    const [low, high] = [Math.min(from, to), Math.max(from, to)];
    const found = new Set<string>();
    for (let index = low; index <= high;) {
      const row = pages.rows.value.get(index);
      if (row) {
        found.add(row.id);
        index++;
        continue;
      }
      const limit = Math.min(PAGE, high - index + 1);
      const { rows } = await read({ offset: index, limit, filter: filter.value });
      if (mine !== asked) return;
      for (const more of rows) found.add(more.id);
      index += limit;
    }
    everything.value = false;
    ids.value = found;
  }

  function toggle(index: number): void {
    const row = pages.rows.value.get(index);
    if (!row) return;
    const next = new Set(ids.value);
    if (!next.delete(row.id)) next.add(row.id);
    ids.value = next;
    anchor.value = cursor.value = index;
  }

  return {
    size: computed(() =>
      everything.value ? Math.max(0, (pages.total.value ?? 0) - ids.value.size) : ids.value.size,
    ),
    cursor,
    has: (pairId) => ids.value.has(pairId) !== everything.value,
    take(index, open, event) {
      if (event.ctrlKey || event.metaKey) toggle(index);
      else if (event.shiftKey) {
        if (anchor.value < 0) anchor.value = Math.max(0, open);
        cursor.value = index;
        void range(anchor.value, index);
      } else {
        clear();
        return false;
      }
      return true;
    },
    all() {
      clear();
      everything.value = true;
    },
    clear,
    value() {
      if (everything.value) return { filter: filter.value, except: [...ids.value] };
      return ids.value.size > 0 ? { pairIds: [...ids.value] } : null;
    },
  };
}
