/** @file No serious accessibility violation (axe, WCAG 2 A and AA) in what a page shows, in light and in dark. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, type Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCHEMES = ['light', 'dark'] as const;

/** How much is on its way from one look to another; what turns for ever is none of it. */
const fading = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      document
        .getAnimations()
        .filter(
          ({ playState, effect }) =>
            playState === 'running' && effect?.getComputedTiming().endTime !== Infinity,
        ).length,
  );

/** Leaves the page in the dark scheme, with reduced motion. */
export async function expectNoViolation(page: Page, where: string): Promise<void> {
  await page.evaluate(AXE);
  // Where it rests a tooltip would come up, in the middle of the check too.
  await page.mouse.move(page.viewportSize()!.width - 1, page.viewportSize()!.height / 2);
  for (const colorScheme of SCHEMES) {
    // What fades in or out has another contrast than what it becomes: nothing new fades, and what fades already is waited for.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    await expect.poll(() => fading(page)).toBe(0);
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
