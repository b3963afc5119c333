/**
 * @file Every action of the main story once with the keyboard alone: this file never touches the mouse. After each step
 * the focus is somewhere and can be seen, also when a dialog has closed.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test, type App } from './fixtures.ts';
import { readProject } from './project-file.ts';

/** Presses Tab (or Shift+Tab) until the element has the focus. */
async function tabTo(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await expect(target).toBeVisible();
  for (let i = 0; i < 90; i++) {
    if (await target.evaluate((element) => element.contains(document.activeElement))) return;
    await page.keyboard.press(key);
  }
  throw new Error(`keyboard: expected to reach ${String(target)} with ${key}, got 90 presses without it`);
}

/** Whether the focus is on an element, and that element shows it. */
const focusShown = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return 'nowhere';
    // A room as a whole has the focus after it was entered: that is not drawn around the whole window.
    if (element.tagName === 'MAIN') return 'shown';
    for (let at: HTMLElement | null = element, depth = 0; at && depth < 6; at = at.parentElement, depth++) {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
      if (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) return 'shown';
      if (boxShadow !== 'none' && at.matches(':focus-within')) return 'shown';
    }
    // Naive UI draws the focus of a field on a layer inside it.
    const field = element.closest('.n-input, .n-base-selection, .n-radio-button');
    return field && /--focus|-focus/.test(field.className)
      ? 'shown'
      : `hidden on ${element.outerHTML.slice(0, 160)}`;
  });

/** Waited for: a dialog gives the focus back when it has gone. */
async function expectFocus(page: Page, what: string): Promise<void> {
  await expect.poll(() => focusShown(page), `focus after: ${what}`).toBe('shown');
}

function statusOf(app: App, pairId: string): string {
  const folder = path.join(app.home, 'sample-project');
  return readProject<{ status: string }>(folder, 'SELECT status FROM pairs WHERE id = ?', pairId)[0].status;
}

test('the whole story by keyboard', async ({ app }) => {
  test.setTimeout(600_000);
  const { page } = app;
  const press = (key: string): Promise<void> => page.keyboard.press(key);
  const openPair = (): Promise<string> =>
    page.waitForURL(/#\/review\/.+/).then(() => /review\/([^?]+)/.exec(page.url())![1]);
  /** The pair on the screen, once it is another one than `before`. */
  const nextPair = async (before: string): Promise<string> => {
    await expect.poll(openPair).not.toBe(before);
    const id = await openPair();
    await expect(page.getByTestId('review-pair')).toHaveAttribute('data-shown', id);
    return id;
  };
  const saved = (): Promise<void> =>
    expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');

  await expect(page.getByTestId('pair-row').first()).toBeVisible();

  await test.step('library: tabs, search, a clip up close, the import dialog', async () => {
    await press('Alt+1');
    await expect(page.getByTestId('video-row').first()).toBeVisible();
    await expectFocus(page, 'entering a room');
    await press('2');
    await expect(page.getByTestId('sample-row').first()).toBeVisible();
    await press('/');
    await expect(page.getByLabel('Search questions')).toBeFocused();
    await expectFocus(page, 'the search key');
    // Single keys type here: 1, q and ? are letters like others.
    await page.keyboard.type('1q?');
    await expect(page.getByLabel('Search questions')).toHaveValue('1q?');
    await expect(page.getByTestId('path-picker')).toHaveCount(0);
    await press('Control+A');
    await page.keyboard.type('yellow');
    await expect(page.getByTestId('sample-row').first()).toContainText(/yellow/i);
    await tabTo(page, page.getByRole('listbox', { name: 'Questions' }));
    await expectFocus(page, 'the list');
    await press('ArrowDown');
    await expect(page.getByTestId('video-drawer')).toBeVisible();
    await press('Escape');
    await press('q');
    await expect(page.getByTestId('path-picker')).toBeVisible();
    await expectFocus(page, 'opening a dialog');
    await press('Escape');
    await expect(page.getByTestId('path-picker')).toHaveCount(0);
    await expectFocus(page, 'closing a dialog');
    // The path of a file chooses it; the dialog that follows has the focus on what it is for, also once the first has faded out.
    const table = path.join(app.home, 'table.csv');
    writeFileSync(table, 'video,question,chosen\nclip-0001.mp4,What?,left\n');
    await press('q');
    await expect(page.getByLabel('Folder path')).toBeFocused();
    await press('Control+A');
    await page.keyboard.type(table);
    await press('Enter');
    await expect(
      page.getByTestId('path-picker').getByRole('option', { name: 'table.csv', selected: true }),
    ).toBeVisible();
    await tabTo(page, page.getByTestId('path-confirm'));
    await press('Enter');
    await expect(page.getByTestId('path-picker')).toHaveCount(0);
    await expect(page.getByTestId('run-import')).toBeFocused();
    await press('Escape');
    await expect(page.getByTestId('import-dialog')).toHaveCount(0);
    await expectFocus(page, 'closing the second dialog');
  });

  await test.step('player: steps, in and out, go to a frame, play and pause', async () => {
    await press('Alt+3');
    const frame = page.getByTestId('frame-number');
    const video = page.getByTestId('video-player');
    await expect.poll(() => video.evaluate((v: HTMLVideoElement) => v.readyState)).toBeGreaterThanOrEqual(2);
    await expect(frame).toHaveText('0');
    for (const [key, shown] of [
      ['.', '1'],
      ['Shift+ArrowRight', '11'],
      ['ArrowLeft', '10'],
      [',', '9'],
    ]) {
      await press(key);
      await expect(frame).toHaveText(shown);
    }
    await press('Control+G');
    await expect(page.getByTestId('frame-input')).toBeFocused();
    await page.keyboard.type('3');
    await press('Enter');
    await expect(frame).toHaveText('3');
    await press('Space');
    await expect.poll(async () => Number(await frame.textContent())).toBeGreaterThan(4);
    await press('k');
  });

  const editor = page.getByTestId('editor-rejected');
  const phrases = page.getByTestId('phrase-list');
  await test.step('a phrase is added, given a kind, removed; the text is edited and marked', async () => {
    await press('n');
    await press('Delete'); // the proposal at this difference
    await expect(phrases).toHaveCount(0);
    await press('Enter');
    await expect(phrases.locator('li')).toHaveCount(1);
    await press('6');
    await expect(phrases.locator('li')).toContainText('Count');
    await saved();
    await press('Delete');
    await expect(phrases).toHaveCount(0);
    await press('Control+Z');
    await expect(phrases.locator('li')).toHaveCount(1);
    await press('Control+Shift+Z');
    await expect(phrases).toHaveCount(0);

    await press('x');
    await expect(editor).toBeFocused();
    await expectFocus(page, 'entering a text');
    await press('Control+A');
    await page.keyboard.type('1 sideways n');
    await expect(editor).toHaveText('1 sideways n');
    await press('Shift+Control+ArrowLeft');
    await press('Shift+Control+ArrowLeft');
    await press('Control+M');
    await expect(phrases).toContainText('sideways n');
    await press('Alt+C');
    await expect(page.getByTestId('editor-chosen')).toBeFocused();
    await press('Control+A');
    await press('Control+M');
    await expect(phrases.locator('li')).toHaveCount(1);
    await press('Escape');
    await expectFocus(page, 'leaving a text');
    await press('4');
    await expect(phrases.locator('li')).toContainText('Direction');
    // By the list as well: the kind from its menu; and removal keeps the focus in the panel.
    await tabTo(page, page.getByTestId('phrase-kind'), 'Shift+Tab');
    await expectFocus(page, 'the menu of kinds');
    await press('1');
    await expect(phrases.locator('.kind')).toContainText('Object');
    await tabTo(page, page.getByTestId('remove-phrase'));
    await press('Enter');
    await expect(phrases).toHaveCount(0);
    await expectFocus(page, 'removing from the list');
    await press('g');
    await expect(phrases.locator('li').first()).toHaveAttribute('data-origin', 'proposed');
    await press('n');
    await press('Enter');
    await expect(phrases.locator('li').first()).toHaveAttribute('data-origin', 'person');
    await saved();
  });

  const first = await openPair();
  await test.step('decisions: accept, second look, reject, skip, back, another queue, back to pending', async () => {
    await press('Control+Enter');
    await expect.poll(() => statusOf(app, first)).toBe('accepted');
    await expectFocus(page, 'accepting');
    const second = await nextPair(first);
    await press('w');
    await expect.poll(() => statusOf(app, second)).toBe('second_look');
    const third = await nextPair(second);
    await press('Control+Backspace');
    await expect.poll(() => statusOf(app, third)).toBe('rejected');
    const fourth = await nextPair(third);
    await press('s');
    await expect.poll(openPair).not.toBe(fourth);
    await press('b');
    await expect.poll(openPair).toBe(fourth);

    await tabTo(page, page.getByTestId('queue-rejected'), 'Shift+Tab');
    await expectFocus(page, 'the queues');
    await press('Enter');
    await expect(page.getByTestId('queue-rejected')).toHaveAttribute('aria-pressed', 'true');
    const top = page.getByTestId('pair-row').first();
    await expect(top).toHaveAttribute('data-pair', third); // the list of before stays until this one is read
    await tabTo(page, page.getByRole('listbox', { name: 'Pairs' }));
    await press('Home');
    await expect.poll(openPair).toBe(third);
    await expect(page.getByTestId('pair-status')).toHaveText('Rejected');
    await press('u');
    await expect.poll(() => statusOf(app, third)).toBe('pending');
    await expectFocus(page, 'moving a pair back');
    await press('h');
    await expect(page.getByRole('region', { name: 'History of this pair' })).toBeVisible();
    await press('h');
  });

  await test.step('many pairs: chosen, changed, undone as a whole', async () => {
    const list = page.getByRole('listbox', { name: 'Pairs' });
    await tabTo(page, page.getByTestId('queue-pending'), 'Shift+Tab');
    await press('Enter');
    await expect(page.getByTestId('queue-pending')).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByTestId('pair-row').first()).toHaveAttribute('data-status', 'pending');
    await tabTo(page, list);
    await press('Home');
    await press('Shift+ArrowDown');
    await press('Shift+ArrowDown');
    await expect(page.getByTestId('selected-count')).toHaveText('3 selected');
    await tabTo(page, page.getByTestId('bulk-second-look'));
    await expectFocus(page, 'the changes to many');
    await press('Enter');
    await expect(page.getByTestId('queue-second_look')).toContainText('4');
    await tabTo(page, page.getByTestId('undo-bulk'));
    await press('Enter');
    await expect(page.getByTestId('queue-second_look')).toContainText('1');
    await expectFocus(page, 'undoing a change to many');
  });

  await test.step('the key map is searched; look and keys are changed, a conflict refused, the default brought back', async () => {
    await press('?');
    const overlay = page.getByTestId('shortcuts-overlay');
    await expect(page.getByTestId('keys-search')).toBeVisible();
    await expectFocus(page, 'opening the key map');
    await page.keyboard.type('skip');
    await expect(overlay.locator('dt')).toHaveText([/Skip to the next pair/]);
    await press('Escape');
    await expect(overlay).toHaveCount(0);
    await expectFocus(page, 'closing the key map');
    await press('Alt+6');
    await tabTo(page, page.getByLabel('Theme', { exact: true }));
    await press('ArrowRight');
    await press('ArrowRight');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    const cap = page.locator('[data-action=skip]');
    await tabTo(page, page.getByLabel('Search the keys'));
    await page.keyboard.type('skip');
    await tabTo(page, cap);
    await press('Enter');
    await press('j');
    await expect(page.getByTestId('keys-refusal')).toContainText('“Play backwards”');
    await press('y');
    await expect(cap).toHaveText('Y');
    await press('Alt+3');
    const before = await openPair();
    await press('y');
    await expect.poll(openPair).not.toBe(before);
    // The new key and the look are in the person's folder, not in this browser only.
    await page.evaluate(() => {
      localStorage.removeItem('workbench:keys');
      localStorage.removeItem('workbench:theme');
    });
    await page.reload();
    await expect(page.getByTestId('pair-row').first()).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await press('?');
    await expect(overlay).toContainText('yours');
    await press('Escape');
    // At once: a key counts while the dialog still fades out.
    await press('Alt+6');
    await tabTo(page, page.getByTestId('keys-reset'));
    await press('Enter');
    await expect(page.locator('[data-action=skip]')).toHaveText('S');
    await expectFocus(page, 'resetting the keys');
  });

  await test.step('a training run is started and stopped with its checkpoint', async () => {
    await press('Alt+4');
    await tabTo(page, page.getByTestId('start-training'));
    await expectFocus(page, 'the start button');
    await press('Enter');
    await expect(page.getByTestId('run-state')).toHaveAttribute('data-state', 'running', {
      timeout: 120_000,
    });
    await tabTo(page, page.getByTestId('stop-training'));
    await press('Enter');
    await tabTo(page, page.getByTestId('stop-save'));
    await expectFocus(page, 'the stop dialog');
    await press('Enter');
    await expect(page.getByTestId('run-state')).toHaveAttribute('data-state', 'stopped', {
      timeout: 120_000,
    });
    await expectFocus(page, 'stopping');
  });

  await test.step('compare: the base model is evaluated', async () => {
    await press('Alt+5');
    await tabTo(page, page.getByTestId('evaluate').first());
    await expectFocus(page, 'the evaluate button');
    await press('Enter');
    await expect(page.getByTestId('accuracy-base')).toContainText('%', { timeout: 300_000 });
    await expectFocus(page, 'the evaluation');
  });

  await test.step('a project is made: what was refused stays to be mended, and Enter is enough', async () => {
    const tray = page.getByTestId('jobs-tray');
    // While something runs, leaving asks first.
    await expect(tray).toContainText('No job running', { timeout: 120_000 });
    await tabTo(page, page.getByTestId('project-menu'), 'Shift+Tab');
    await press('Enter');
    await press('ArrowDown');
    await press('Enter');
    await tabTo(page, page.getByTestId('create-project'));
    await press('Enter');
    await expect(page.getByLabel('Project name')).toBeFocused();
    await press('Control+A');
    await page.keyboard.type('Sample project');
    await tabTo(page, page.getByLabel('Parent folder'));
    await press('Control+A');
    await page.keyboard.type(app.home);
    await press('Enter');
    // The sample's own folder.
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText('is a project already');
    await expectFocus(page, 'a refusal');
    await tabTo(page, page.getByLabel('Project name'), 'Shift+Tab');
    await press('End');
    await page.keyboard.type(' of mine');
    await press('Enter');
    await expect(page.getByTestId('project-menu')).toContainText('Sample project of mine');
    await expect(page.getByText('Nothing here yet')).toBeVisible();
    await expectFocus(page, 'a new project');
    await tabTo(page, tray, 'Shift+Tab');
    await press('Enter');
    await expect(page.getByText('Nothing has run yet')).toBeVisible();
    await press('Escape');
    // Back in the sample, what ran there is told again.
    await tabTo(page, page.getByTestId('project-menu'), 'Shift+Tab');
    await press('Enter');
    await press('ArrowDown');
    await press('Enter');
    await tabTo(page, page.getByTestId('open-sample'));
    await press('Enter');
    await expect(page.getByTestId('pair-row').first()).toBeVisible();
    await tabTo(page, tray, 'Shift+Tab');
    await press('Enter');
    await expect(page.getByRole('region', { name: 'Jobs' })).toContainText('Evaluating base');
  });
});
