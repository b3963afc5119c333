/** @file Negatives: what the model answered stands in a list with its verdict; a person overrules one and sees the judge's precision. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { expect, test } from './fixtures.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test("a verdict is overruled, and the judge's precision says so", async ({ app }) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.getByTestId('room-negatives').click();
  await page.getByPlaceholder('Search questions').fill('yellow circle');
  await expect(page.getByTestId('generate')).not.toContainText('288');
  await page.getByTestId('generate').click();
  await expect(page.getByTestId('to-review')).toBeVisible({ timeout: 60_000 });
  await page.getByTestId('view-answers').click();
  const rows = page.getByTestId('answer-row');
  await expect(rows.first()).toBeVisible();
  await expect(page.getByTestId('precision')).toContainText('Say of some answers');
  await page.getByTestId('rule-unparseable').first().click();
  await expect(page.getByTestId('rule-unparseable').first()).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByTestId('precision')).toContainText('0 % of 1');
  await page.screenshot({ path: test.info().outputPath('answers.png') });
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa'] });
    return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => v.id);
  });
  expect(found).toEqual([]);
  await page.getByTestId('rule-unparseable').first().click();
  await expect(page.getByTestId('precision')).toContainText('Say of some answers');
});
