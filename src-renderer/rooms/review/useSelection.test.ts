/** @file Choosing many pairs: click with Ctrl and Shift, ranges over rows that were never read, and everything under the filter. */
import { computed, effectScope, nextTick, ref, shallowRef } from 'vue';
import { expect, test } from 'vitest';
import type { PairFilter, PairSummary } from '../../../src-main/contract/schemas.ts';
import type { Pages } from '../../composables/usePages.ts';
import { useSelection } from './useSelection.ts';

const summary = (index: number): PairSummary => ({ id: `p${index}` }) as PairSummary;
const plain = { shiftKey: false, ctrlKey: false, metaKey: false };
const ctrl = { ...plain, ctrlKey: true };
const shift = { ...plain, shiftKey: true };

/** A list of 2000 pairs of which the first hundred have been read. */
function list() {
  const filter = ref<PairFilter>({ status: 'pending' });
  const asked: [number, number][] = [];
  const pages: Pages<PairSummary> = {
    total: ref(2000),
    rows: shallowRef(new Map(Array.from({ length: 100 }, (_, i) => [i, summary(i)]))),
    error: shallowRef(null),
    loading: computed(() => false),
    need: () => undefined,
    refresh: () => undefined,
    patch: () => undefined,
  };
  const scope = effectScope();
  const selection = scope.run(() =>
    useSelection(filter, pages, ({ offset, limit }) => {
      asked.push([offset, limit]);
      return Promise.resolve({ rows: Array.from({ length: limit }, (_, i) => summary(offset + i)) });
    }),
  )!;
  return { filter, selection, asked, stop: () => scope.stop() };
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

test('a plain click opens; Ctrl adds and takes away; Shift takes the range from there', async () => {
  const { selection, asked, stop } = list();
  expect(selection.take(3, 0, plain)).toBe(false);
  expect(selection.size.value).toBe(0);
  expect(selection.take(3, 0, ctrl)).toBe(true);
  selection.take(5, 0, ctrl);
  selection.take(3, 0, ctrl);
  expect(selection.value()).toEqual({ pairIds: ['p5'] });
  selection.take(7, 0, ctrl);
  selection.take(9, 0, shift);
  await settled();
  expect(selection.value()).toEqual({ pairIds: ['p7', 'p8', 'p9'] });
  expect(selection.cursor.value).toBe(9);
  expect(asked).toEqual([]);
  expect(selection.take(1, 0, plain)).toBe(false);
  expect([selection.size.value, selection.value()]).toEqual([0, null]);
  stop();
});

test('a range reads only what is missing, from the open pair when nothing was chosen before', async () => {
  const { selection, asked, stop } = list();
  selection.take(1199, 90, shift);
  await settled();
  expect(selection.size.value).toBe(1110);
  expect(asked).toEqual([
    [100, 500],
    [600, 500],
    [1100, 100],
  ]);
  stop();
});

test('everything under the filter is not read; taking one away names that one; another filter ends it', async () => {
  const { filter, selection, asked, stop } = list();
  selection.all();
  expect(selection.size.value).toBe(2000);
  expect(selection.has('p1999')).toBe(true);
  selection.take(4, 0, ctrl);
  expect(selection.size.value).toBe(1999);
  expect(selection.has('p4')).toBe(false);
  expect(selection.value()).toEqual({ filter: { status: 'pending' }, except: ['p4'] });
  expect(asked).toEqual([]);
  filter.value = { status: 'accepted' };
  await nextTick();
  expect(selection.value()).toBeNull();
  stop();
});
