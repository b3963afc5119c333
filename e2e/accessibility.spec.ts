/**
 * @file No room and no dialog has a serious accessibility violation (axe, WCAG 2 A and AA) that is looked at here, in light
 * and in dark.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';
import { expect, test } from './fixtures.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCHEMES = ['light', 'dark'] as const;
const ROOMS = ['library', 'negatives', 'review', 'train', 'compare', 'settings'];

async function expectNoViolation(page: Page, where: string): Promise<void> {
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    // What still fades in or out has another contrast than what it becomes; nothing fades for longer than this.
    await page.waitForTimeout(400);
    const found = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
      const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa'] });
      return violations
        .filter((v) => v.impact === 'serious' || v.impact === 'critical')
        .map(
          (v) =>
            `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary ?? ''}`).join('; ')}`,
        );
    });
    expect(found, `${where}, ${colorScheme}`).toEqual([]);
  }
}

test('rooms and dialogs are free of serious accessibility violations', async ({ app }) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.evaluate(AXE);
  for (const room of ROOMS) {
    await page.getByTestId(`room-${room}`).click();
    await page.waitForLoadState('networkidle');
    await expectNoViolation(page, room);
  }

  await page.getByTestId('room-review').click();
  await expect(page.getByTestId('token-strip').first()).toBeVisible();
  await page.getByTestId('history').click();
  await expect(page.getByRole('region', { name: 'History of this pair' })).toBeVisible();
  await expectNoViolation(page, 'history popover');
  await page.getByTestId('history').click();
  await page.keyboard.press('?');
  await expect(page.getByTestId('shortcuts-overlay')).toBeVisible();
  await expectNoViolation(page, 'key map');
  await page.keyboard.press('Escape');

  await page.getByTestId('room-library').click();
  await page.getByTestId('tab-samples').click();
  await page.getByTestId('sample-row').first().click();
  await expect(page.getByTestId('video-drawer')).toBeVisible();
  await expectNoViolation(page, 'clip up close');
});
