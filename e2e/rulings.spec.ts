/** @file Negatives: what the model answered stands in a list with its verdict; a person overrules one and sees the judge's precision. */
import type { Page } from '@playwright/test';
import { expectNoViolation } from './axe.ts';
import { expect, test } from './fixtures.ts';

/** Narrows the questions of the room; what its button then says it asks are these. */
async function askYellowCircles(page: Page, button: 'generate' | 'swap'): Promise<void> {
  // Before all are counted it names none of them either.
  await expect(page.getByTestId(button)).toContainText('288');
  await page.getByPlaceholder('Search questions').fill('yellow circle');
  await expect(page.getByTestId(button)).not.toContainText('288');
}

/** Narrows the queue, and waits until its list has as many pairs as the choice said. */
async function filterBy(page: Page, filter: string, option: RegExp): Promise<void> {
  await page.getByTestId(filter).click();
  const choice = page.locator('.n-base-select-option', { hasText: option });
  const [, pairs] = /\((\d+)\)/.exec(await choice.innerText())!;
  await choice.click();
  const first = page.getByRole('listbox', { name: 'Pairs' }).getByRole('option').first();
  await expect(first).toHaveAttribute('aria-setsize', pairs);
}

test("a verdict is overruled, and the judge's precision says so", async ({ app }) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.getByTestId('room-negatives').click();
  await askYellowCircles(page, 'generate');
  await page.getByTestId('generate').click();
  await expect(page.getByTestId('to-review')).toBeVisible({ timeout: 180_000 });
  await page.getByTestId('view-answers').click();
  const rows = page.getByTestId('answer-row');
  await expect(rows.first()).toBeVisible();
  await expect(page.getByTestId('precision')).toContainText('Say of some answers');
  await page.getByTestId('rule-unparseable').first().click();
  await expect(page.getByTestId('rule-unparseable').first()).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByTestId('precision')).toContainText('0 % of 1');
  await page.screenshot({ path: test.info().outputPath('answers.png') });
  await expectNoViolation(page, 'answers');
  await page.getByTestId('rule-unparseable').first().click();
  await expect(page.getByTestId('precision')).toContainText('Say of some answers');
});

test('the yield says what was asked and what Review accepted of it; Review filters by family of errors', async ({
  app,
}) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.getByTestId('room-negatives').click();
  await page.getByTestId('view-yield').click();
  await expect(page.getByTestId('yield')).toContainText('Nothing asked yet');
  await askYellowCircles(page, 'generate');
  await page.getByTestId('recipe').click();
  await page.locator('.n-base-select-option', { hasText: 'blank video' }).click();
  await page.getByTestId('generate').click();
  const row = page.getByTestId('yield-row').filter({ hasText: 'Language prior: blank video' });
  await expect(row).toContainText('Language prior', { timeout: 180_000 });
  await page.getByTestId('view-queue').click();
  await expect(page.getByTestId('to-review')).toBeVisible({ timeout: 180_000 });

  await page.getByTestId('room-review').click();
  await page.getByTestId('queue-pending').click();
  await page.getByTestId('more-filters').click();
  await filterBy(page, 'filter-family', /^Language prior/);
  await page.getByTestId('pair-row').first().click();
  await expect(page.getByTestId('pair-family')).toHaveText('Language prior');
  await page.getByRole('listbox', { name: 'Pairs' }).focus();
  await page.keyboard.press('Control+A');
  const chosen = Number(/\d+/.exec(await page.getByTestId('selected-count').innerText())![0]);
  await page.getByTestId('bulk-accept').click();
  if (chosen > 20) await page.getByTestId('bulk-confirm').click();
  await expect(page.getByTestId('last-bulk')).toContainText(`Accept: ${chosen} pairs`);

  await page.getByTestId('room-negatives').click();
  await page.getByTestId('view-yield').click();
  await page.getByTestId('yield-whole').click();
  const whole = page.getByTestId('yield-dialog').getByTestId('yield-row').filter({ hasText: 'blank video' });
  const column = (name: string) => whole.locator(`[data-column="${name}"]`);
  await expect(column('open')).toHaveText('0');
  await expect(column('pairs')).toHaveText(/^[1-9]/);
  await expect(column('accepted')).toHaveText(await column('pairs').innerText());
  await page.screenshot({ path: test.info().outputPath('yield-whole.png') });
  await page.keyboard.press('Escape');
  await page.screenshot({ path: test.info().outputPath('yield.png') });
});

test('concepts that appear together are swapped into the chosen answers; Review says why', async ({
  app,
}) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.getByTestId('room-negatives').click();
  await page.getByTestId('view-concepts').click();
  await expect(page.getByTestId('co-occurrence').first()).toContainText('with');
  await askYellowCircles(page, 'swap');
  await page.screenshot({ path: test.info().outputPath('concepts.png') });
  await page.getByTestId('swap').click();
  await expect(page.getByTestId('swap-report')).toContainText(/[1-9]\d* new pairs/, { timeout: 120_000 });
  await page.getByTestId('recipe').click();
  await page.locator('.n-base-select-option', { hasText: 'suggested concept' }).click();
  await expect(page.getByTestId('suggestion').locator('textarea')).toHaveValue(/\{concept\}/);
  await page.getByTestId('suggestion').locator('textarea').fill('Is it {concept}?');
  await expect(page.getByTestId('generate')).toBeDisabled();
  await page.screenshot({ path: test.info().outputPath('suggestion.png') });

  await page.getByTestId('room-review').click();
  await page.getByTestId('queue-pending').click();
  await page.getByTestId('more-filters').click();
  await filterBy(page, 'filter-source', /Swapped concept/);
  await page.getByTestId('pair-row').first().click();
  await expect(page.getByTestId('pair-family')).toHaveText('Co-occurrence');
  await expect(page.getByTestId('swap-reason')).toContainText('times as often as by chance');
  await page.screenshot({ path: test.info().outputPath('swap-reason.png') });
});
