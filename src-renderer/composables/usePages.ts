/**
 * @file A long list of which only the visible part is read: pages are fetched as rows come into view and kept sparse. Pages that were
 * scrolled past are never asked for, and those far from the view are let go. Rows of an older question (other filter)
 * never appear under the new one.
 */
import {
  computed,
  onScopeDispose,
  ref,
  shallowRef,
  watch,
  type ComputedRef,
  type Ref,
  type ShallowRef,
  type WatchSource,
} from 'vue';
import { plain, type Plain } from '../client/errors.ts';

export const PAGE_SIZE = 100;
/** Pages under way at once: a drag through the whole list asks for the pages where it rests, not for all on the way. */
const MOST_ASKED = 2;
/** Pages kept; beyond them the farthest from the view go. */
const MOST_KEPT = 40;

export interface Pages<T> {
  readonly total: Readonly<Ref<number | null>>;
  readonly rows: Readonly<ShallowRef<ReadonlyMap<number, T>>>;
  readonly error: Readonly<ShallowRef<Plain | null>>;
  readonly loading: ComputedRef<boolean>;
  /** Makes sure rows [from, to) are there or on their way. */
  need: (from: number, to: number) => void;
  /** Reads the same list again, keeping what is shown until the new rows come. */
  refresh: () => void;
  /** Puts a changed row in place of the old one. */
  patch: (matches: (row: T) => boolean, change: (row: T) => T) => void;
}

/** Page numbers that cover rows [from, to) of a list with `total` rows (null: not known yet). */
export function pagesFor(from: number, to: number, total: number | null): number[] {
  const last = Math.max(0, Math.min(to, total ?? to) - 1);
  const first = Math.floor(Math.max(0, from) / PAGE_SIZE);
  const result: number[] = [];
  for (let page = first; page <= Math.floor(last / PAGE_SIZE); page++) result.push(page);
  return result;
}

export function usePages<T>(
  read: (offset: number, limit: number, signal: AbortSignal) => Promise<{ total: number; rows: T[] }>,
  sources: readonly WatchSource[],
): Pages<T> {
  const total = ref<number | null>(null);
  const rows = shallowRef<ReadonlyMap<number, T>>(new Map());
  const error = shallowRef<Plain | null>(null);
  const pending = ref(0);
  /** Pages that are there or on their way, and how many of them are on their way. */
  let fetched = new Set<number>();
  let asked = 0;
  let visible: [number, number] = [0, PAGE_SIZE];
  let abort = new AbortController();
  /** The next page to arrive replaces everything instead of joining it. */
  let stale = false;

  async function fetchPage(page: number): Promise<void> {
    const { signal } = abort;
    fetched.add(page);
    asked++;
    pending.value++;
    try {
      const answer = await read(page * PAGE_SIZE, PAGE_SIZE, signal);
      if (signal.aborted) return;
      const next = new Map(stale ? [] : rows.value);
      stale = false;
      answer.rows.forEach((row, i) => next.set(page * PAGE_SIZE + i, row));
      letGo(next);
      rows.value = next;
      total.value = answer.total;
      error.value = null;
    } catch (reason) {
      if (signal.aborted) return;
      fetched.delete(page);
      error.value = plain(reason);
      asked--;
      return; // asked again when the view moves or the person says so, not in a loop
    } finally {
      pending.value--;
    }
    asked--;
    askNext();
  }

  /** Asks for the pages in view that are neither there nor on their way, a few at a time. */
  function askNext(): void {
    for (const page of pagesFor(...visible, total.value)) {
      if (asked >= MOST_ASKED) return;
      if (!fetched.has(page)) void fetchPage(page);
    }
  }

  function letGo(kept: Map<number, T>): void {
    const middle = (visible[0] + visible[1]) / 2 / PAGE_SIZE;
    const pages = [...new Set([...kept.keys()].map((index) => Math.floor(index / PAGE_SIZE)))];
    pages.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
    for (const page of pages.slice(MOST_KEPT)) {
      fetched.delete(page);
      for (let i = 0; i < PAGE_SIZE; i++) kept.delete(page * PAGE_SIZE + i);
    }
  }

  function need(from: number, to: number): void {
    visible = [from, to];
    askNext();
  }
  function refresh(): void {
    abort.abort();
    abort = new AbortController();
    fetched = new Set();
    asked = 0;
    stale = true;
    need(...visible);
  }

  watch(
    [...sources],
    () => {
      visible = [0, PAGE_SIZE];
      refresh();
    },
    { immediate: true },
  );
  onScopeDispose(() => abort.abort());

  return {
    total,
    rows,
    error,
    loading: computed(() => pending.value > 0),
    need,
    refresh,
    patch(matches, change) {
      const next = new Map(rows.value);
      for (const [index, row] of next) if (matches(row)) next.set(index, change(row));
      rows.value = next;
    },
  };
}
