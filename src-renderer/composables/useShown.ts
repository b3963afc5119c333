/** @file A list that is in memory as a whole: which rows are shown, as VirtualRows wants them, and where the chosen one is. */
import { computed, type ComputedRef } from 'vue';

export interface Shown<Row> {
  readonly shown: ComputedRef<Row[]>;
  /** The shown rows by their index. */
  readonly rows: ComputedRef<ReadonlyMap<number, Row>>;
  /** Index of the chosen row among the shown ones; -1 when it is not shown. */
  readonly selected: ComputedRef<number>;
}

export function useShown<Row>(
  all: () => readonly Row[] | undefined,
  keep: (row: Row) => boolean,
  isChosen: (row: Row) => boolean,
): Shown<Row> {
  const shown = computed(() => (all() ?? []).filter(keep));
  return {
    shown,
    rows: computed(() => new Map(shown.value.map((row, index) => [index, row]))),
    selected: computed(() => shown.value.findIndex(isChosen)),
  };
}
