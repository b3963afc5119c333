/**
 * @file No room and no dialog has a serious accessibility violation (axe, WCAG 2 A and AA), in light and in dark; motion is
 * reduced where that is asked for, and a window magnified to 200 % cuts nothing off.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expectNoViolation } from './axe.ts';
import { expect, test } from './fixtures.ts';

/** Each room, and what is there once it has read what it shows. */
const ROOMS = {
  library: 'video-row',
  negatives: 'question-row',
  review: 'token-strip',
  train: 'start-training',
  compare: 'evaluate',
  settings: 'endpoint',
};

async function enter(page: Page, room: string, content: string): Promise<void> {
  await page.getByTestId(`room-${room}`).click();
  await expect(page.getByTestId(content).first()).toBeVisible();
}

test('rooms and dialogs are free of serious accessibility violations', async ({ app }) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  for (const [room, content] of Object.entries(ROOMS)) {
    await enter(page, room, content);
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
  await page.keyboard.press('q');
  await expect(page.getByTestId('path-picker')).toBeVisible();
  await expectNoViolation(page, 'path picker');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('path-picker')).toBeHidden();
  const table = path.join(app.home, 'answers.csv');
  writeFileSync(
    table,
    'video,question,chosen,rejected\nclip-0001.mp4,"<b>What</b>?",left,right\nnone.mp4,?,,\n',
  );
  await page.evaluate((file) => (location.hash = `#/library?import=${encodeURIComponent(file)}`), table);
  await expect(page.getByTestId('import-dialog')).toContainText('What');
  await expectNoViolation(page, 'import dialog');
  await page.keyboard.press('Escape');

  await page.getByTestId('room-settings').click();
  await page.locator('[data-action=skip]').click();
  await page.keyboard.press('j');
  await expect(page.getByTestId('keys-refusal')).toBeVisible();
  await expectNoViolation(page, 'a refused key');

  await page.getByTestId('room-train').click();
  await page.getByTestId('start-training').click();
  await expect(page.getByTestId('run-state')).toHaveAttribute('data-state', 'running', { timeout: 120_000 });
  await page.getByTestId('stop-training').click();
  await expect(page.getByTestId('stop-save')).toBeVisible();
  await expectNoViolation(page, 'stop dialog');
});

test('motion can be reduced, and a window magnified to 200 % cuts nothing off', async ({ app }) => {
  const { page } = app;
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.keyboard.press('?');
  await expect(page.getByTestId('shortcuts-overlay')).toBeVisible();
  const longest = await page.evaluate(() =>
    Math.max(
      ...[...document.querySelectorAll('*')].flatMap((element) => {
        const style = getComputedStyle(element);
        return [style.transitionDuration, style.animationDuration].flatMap((value) =>
          value.split(',').map(parseFloat),
        );
      }),
    ),
  );
  expect(longest, 'seconds of the longest motion').toBeLessThan(0.01);
  await page.keyboard.press('Escape');

  // 1440x900 at 200 % is a page of half that size.
  await page.setViewportSize({ width: 720, height: 450 });
  for (const [room, content] of Object.entries(ROOMS)) {
    await enter(page, room, content);
    const size = (): Promise<number[]> =>
      page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    await expect.poll(size, `${room}: the page itself does not scroll`).toEqual([720, 450]);
  }
  await page.getByTestId('room-review').click();
  await expect(page.getByTestId('accept')).toBeInViewport();
  await page.getByTestId('editor-rejected').scrollIntoViewIfNeeded();
  await expect(page.getByTestId('editor-rejected')).toBeInViewport();
  await page.getByTestId('room-library').click();
  await page.getByTestId('import-samples').scrollIntoViewIfNeeded();
  await expect(page.getByTestId('import-samples')).toBeInViewport();
});
