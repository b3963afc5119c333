/** @file No room has a serious accessibility violation (axe, WCAG 2 A and AA), in light and in dark. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { expect, test } from './fixtures.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test('every room is free of serious accessibility violations', async ({ app }) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const room of ['library', 'negatives', 'review', 'train', 'compare', 'settings']) {
      await page.getByTestId(`room-${room}`).click();
      await page.waitForLoadState('networkidle');
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
        const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa'] });
        return violations
          .filter((v) => v.impact === 'serious' || v.impact === 'critical')
          .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
      });
      expect(found, `${room}, ${colorScheme}`).toEqual([]);
    }
  }
});
