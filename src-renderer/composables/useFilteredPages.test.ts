/** @file A filtered list: what is asked when the filter changes, and the part of a list in memory that is shown. */
import { effectScope, nextTick, ref } from 'vue';
import { expect, it } from 'vitest';
import { useFilteredPages } from './useFilteredPages.ts';
import { useShown } from './useShown.ts';

it('asks again from the top with the new filter, and with the same one when a source changes', async () => {
  const asked: string[] = [];
  const source = ref(0);
  const scope = effectScope();
  const { filter, pages } = scope.run(() =>
    useFilteredPages<{ text?: string }, number>(
      { text: 'a' },
      (question) => {
        asked.push(`${question.filter.text}@${question.offset}`);
        return Promise.resolve({ total: 1000, rows: [question.offset] });
      },
      [source],
    ),
  )!;
  await nextTick();
  await nextTick();
  pages.need(500, 520);
  await nextTick();
  filter.value = { ...filter.value, text: 'b' };
  await nextTick();
  source.value++;
  await nextTick();
  expect(asked).toEqual(['a@0', 'a@500', 'b@0', 'b@0']);
  scope.stop();
});

it('shows the rows that fit, by index, and finds the chosen one among them', () => {
  const all = ref<number[]>();
  const chosen = ref(6);
  const { shown, rows, selected } = useShown(
    () => all.value,
    (n) => n % 2 === 0,
    (n) => n === chosen.value,
  );
  expect([shown.value, selected.value]).toEqual([[], -1]);
  all.value = [1, 2, 4, 5, 6];
  expect([shown.value, [...rows.value], selected.value]).toEqual([
    [2, 4, 6],
    [
      [0, 2],
      [1, 4],
      [2, 6],
    ],
    2,
  ]);
  chosen.value = 5;
  expect(selected.value).toBe(-1);
});
