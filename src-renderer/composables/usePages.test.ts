/** @file Sparse pages of a long list: what is fetched for a view, refresh, and answers that come too late. */
import { effectScope, nextTick, ref } from 'vue';
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE, pagesFor, usePages } from './usePages.ts';

describe('pagesFor', () => {
  it('covers the view and stays inside the list', () => {
    expect(pagesFor(0, 30, null)).toEqual([0]);
    expect(pagesFor(PAGE_SIZE - 1, PAGE_SIZE + 1, 1e6)).toEqual([0, 1]);
    expect(pagesFor(250, 900, 310)).toEqual([2, 3]);
    expect(pagesFor(0, 30, 0)).toEqual([0]);
  });
});

describe('usePages', () => {
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  it('reads 100,000 rows only where they are looked at', async () => {
    const asked: number[] = [];
    const scope = effectScope();
    const pages = scope.run(() =>
      usePages((offset, limit) => {
        asked.push(offset);
        return Promise.resolve({ total: 100_000, rows: Array.from({ length: limit }, (_, i) => offset + i) });
      }, []),
    )!;
    await settle();
    pages.need(50_000, 50_020);
    pages.need(50_000, 50_020);
    await settle();
    expect(asked).toEqual([0, 50_000]);
    expect(pages.rows.value.get(50_019)).toBe(50_019);
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
    await settle();
    for (let row = 0; row < 90_000; row += 900) pages.need(row, row + 20);
    await settle();
    expect(asked.length).toBeLessThan(5);
    expect(asked.at(-1)).toBe(891);
    expect(pages.rows.value.get(89_119)).toBe(89_119);
    for (let page = 100; page < 180; page++) {
      pages.need(page * PAGE_SIZE, page * PAGE_SIZE + 20);
      await settle();
    }
    expect(pages.rows.value.size).toBeLessThanOrEqual(40 * PAGE_SIZE);
    expect(pages.rows.value.get(17_900)).toBe(17_900);
    expect(pages.rows.value.get(89_119)).toBeUndefined();
    pages.need(89_100, 89_120);
    await settle();
    expect(pages.rows.value.get(89_119)).toBe(89_119);
    scope.stop();
  });

  it('drops an answer to an older question', async () => {
    const filter = ref('slow');
    const scope = effectScope();
    const pages = scope.run(() =>
      usePages(async () => {
        const mine = filter.value;
        await new Promise((resolve) => setTimeout(resolve, mine === 'slow' ? 30 : 1));
        return { total: 1, rows: [mine] };
      }, [filter]),
    )!;
    filter.value = 'fast';
    await nextTick();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pages.rows.value.get(0)).toBe('fast');
    scope.stop();
  });
});
