/** @file Sparse pages of a long list: what is fetched for a view, refresh, and answers that come too late. */
import { effectScope, ref } from 'vue';
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE, pagesFor, usePages, type Pages } from './usePages.ts';

describe('pagesFor', () => {
  it('covers the view and stays inside the list', () => {
    expect(pagesFor(0, 30, null)).toEqual([0]);
    expect(pagesFor(PAGE_SIZE - 1, PAGE_SIZE + 1, 1e6)).toEqual([0, 1]);
    expect(pagesFor(250, 900, 310)).toEqual([2, 3]);
    expect(pagesFor(0, 30, 0)).toEqual([0]);
  });
});

describe('usePages', () => {
  /** Until a row, which is its own number, is there: how long that takes is the machine's affair. */
  const shown = (pages: Pages<number>, row: number): Promise<void> =>
    expect.poll(() => pages.rows.value.get(row), { interval: 1 }).toBe(row);

  it('reads 100,000 rows only where they are looked at', async () => {
    const asked: number[] = [];
    const scope = effectScope();
    const pages = scope.run(() =>
      usePages((offset, limit) => {
        asked.push(offset);
        return Promise.resolve({ total: 100_000, rows: Array.from({ length: limit }, (_, i) => offset + i) });
      }, []),
    )!;
    await shown(pages, 0);
    pages.need(50_000, 50_020);
    pages.need(50_000, 50_020);
    await shown(pages, 50_019);
    expect(asked).toEqual([0, 50_000]);
    expect(pages.rows.value.get(30_000)).toBeUndefined();
    pages.patch(
      (row) => row === 7,
      () => -7,
    );
    expect(pages.rows.value.get(7)).toBe(-7);
    scope.stop();
  });

  it('asks for where a drag rests, not for what it passed, and keeps a bounded part', async () => {
    const asked: number[] = [];
    const scope = effectScope();
    const pages = scope.run(() =>
      usePages(async (offset, limit) => {
        asked.push(offset / PAGE_SIZE);
        await new Promise((resolve) => setTimeout(resolve, 1));
        return { total: 100_000, rows: Array.from({ length: limit }, (_, i) => offset + i) };
      }, []),
    )!;
    await shown(pages, 0);
    for (let row = 0; row < 90_000; row += 900) pages.need(row, row + 20);
    await shown(pages, 89_119);
    expect(asked.length).toBeLessThan(5);
    expect(asked.at(-1)).toBe(891);
    for (let page = 100; page < 180; page++) {
      pages.need(page * PAGE_SIZE, page * PAGE_SIZE + 20);
      await shown(pages, page * PAGE_SIZE);
    }
    expect(pages.rows.value.size).toBeLessThanOrEqual(40 * PAGE_SIZE);
    expect(pages.rows.value.get(89_119)).toBeUndefined();
    pages.need(89_100, 89_120);
    await shown(pages, 89_119);
    scope.stop();
  });

  it('drops an answer to an older question', async () => {
    const filter = ref('slow');
    const late = Promise.withResolvers<void>();
    const scope = effectScope();
    const pages = scope.run(() =>
      usePages(async () => {
        const mine = filter.value;
        if (mine === 'slow') await late.promise;
        return { total: 1, rows: [mine] };
      }, [filter]),
    )!;
    filter.value = 'fast';
    await expect.poll(() => pages.rows.value.get(0)).toBe('fast');
    late.resolve();
    await expect.poll(() => pages.loading.value).toBe(false);
    expect(pages.rows.value.get(0)).toBe('fast');
    scope.stop();
  });
});
