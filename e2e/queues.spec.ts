/**
 * @file The queue with many pairs at once, filters, reviewers and their agreement; and two windows on one project: each sees the other's
 * edits, and a conflict is shown with both versions and loses neither. With RRPO_SHOTS set to a folder, pictures of each look are left
 * there.
 */
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expect, shoot, test, type App } from './fixtures.ts';
import { readProject } from './project-file.ts';

type Row = { id: string; status: string; rejected: string };
function readPairs(app: App, where = '1'): Row[] {
  const folder = path.join(app.home, 'sample-project');
  return readProject<Row>(folder, `SELECT id, status, rejected FROM pairs WHERE ${where}`);
}
const state = (page: Page) => page.getByTestId('save-state');
async function inReview(page: Page): Promise<void> {
  await expect(page.getByTestId('project-menu')).toContainText('Sample project');
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await expect(page.getByTestId('editor-rejected')).toBeVisible();
}
async function typeAtEnd(page: Page, words: string): Promise<void> {
  await page.getByTestId('editor-rejected').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(words);
}

test('many pairs at once: chosen by key and click, counted, changed, undone as a whole', async ({ app }) => {
  const { page } = app;
  await inReview(page);
  const pending = readPairs(app, `status = 'pending'`).length;
  // Nothing was done to this pair yet: a held key says so once, and where to go.
  for (let i = 0; i < 3; i++) await page.keyboard.press('Control+Z');
  const nothing = page.getByText('Nothing to undo in this pair. B goes back to the pair before.');
  await expect(nothing).toHaveCount(1);
  await page
    .getByTestId('pair-row')
    .nth(1)
    .click({ modifiers: ['Control'] });
  await page
    .getByTestId('pair-row')
    .nth(4)
    .click({ modifiers: ['Shift'] });
  await expect(page.getByTestId('selected-count')).toHaveText('4 selected');
  await shoot(page, 'review-bulk');
  await page.getByTestId('bulk-second-look').click();
  await expect.poll(() => readPairs(app, `status = 'second_look'`).length).toBe(4);
  await expect(page.getByTestId('queue-second_look')).toContainText('4');

  // Everything that passes the filter, with the keyboard; asked about first.
  await page.getByRole('listbox', { name: 'Pairs' }).focus();
  await page.keyboard.press('Control+A');
  const rest = pending - 4;
  await expect(page.getByTestId('selected-count')).toHaveText(`${rest} selected`);
  await page.getByTestId('bulk-reject').click();
  if (rest > 20) await page.getByTestId('bulk-confirm').click();
  await expect.poll(() => readPairs(app, `status = 'pending'`).length).toBe(0);
  await expect(page.getByTestId('queue-rejected')).toContainText(String(rest));
  await expect(page.getByTestId('last-bulk')).toContainText(`Reject: ${rest} pairs`);
  await shoot(page, 'review-bulk-done');
  await page.getByTestId('undo-bulk').click();
  await expect.poll(() => readPairs(app, `status = 'pending'`).length).toBe(rest);
  await expect(page.getByTestId('queue-pending')).toContainText(String(rest));

  // Filters: by a check, with its count; and back to pending from another queue.
  await page.getByTestId('queue-second_look').click();
  await expect(page.getByTestId('pair-row')).toHaveCount(4);
  await page.getByRole('listbox', { name: 'Pairs' }).focus();
  await page.keyboard.press('Control+A');
  await page.getByTestId('bulk-back-to-pending').click();
  await expect.poll(() => readPairs(app, `status = 'pending'`).length).toBe(pending);
  await page.getByTestId('queue-all').click();
  await page.getByTestId('more-filters').click();
  await page.getByTestId('filter-reviewer').click();
  await page.locator('.n-base-select-option').first().click();
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await shoot(page, 'review-filters');
});

test('two reviewers: independent until both have decided, then compared', async ({ app }) => {
  const { page } = app;
  await inReview(page);
  await page.getByTestId('room-settings').click();
  await page.getByTestId('independent').click();
  await page.getByTestId('room-review').click();
  await expect(page.getByTestId('editor-rejected')).toBeVisible();
  const become = async (name: string): Promise<void> => {
    await page.getByTestId('reviewer-menu').click();
    await page.getByTestId('reviewer-name').locator('input').fill(name);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('reviewer-menu')).toContainText(name);
  };
  await become('Ada');
  const id = (await page.getByTestId('pair-row').first().getAttribute('data-pair'))!;
  const [{ rejected: original }] = readPairs(app, `id = '${id}'`);
  await page.getByTestId('pair-row').first().click();
  await typeAtEnd(page, ' says Ada');
  await expect(state(page)).toHaveAttribute('data-state', 'saved');
  await page.keyboard.press('Control+Enter');
  await expect.poll(() => readPairs(app, `id = '${id}'`)[0].status).toBe('accepted');

  await become('Ben');
  const row = page.locator(`[data-pair="${id}"]`);
  await expect(row).toHaveAttribute('data-status', 'pending');
  await row.click();
  await expect(page.getByTestId('editor-rejected')).not.toContainText('says Ada');
  await expect(page.getByTestId('editor-rejected')).toContainText(original.split(' ').at(-1)!);
  await page.getByTestId('reviewers').click();
  await expect(page.getByTestId('reviews-hidden')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('.n-modal')).toHaveCount(0); // behind a dialog nothing moves, as long as it is seen going
  await page.keyboard.press('Control+Enter');
  await expect.poll(() => readPairs(app, `id = '${id}'`)[0].rejected).toBe(original);

  await page.getByTestId('queue-accepted').click();
  await page.locator(`[data-pair="${id}"]`).click();
  await page.getByTestId('reviewers').click();
  await expect(page.getByTestId('review-version')).toHaveCount(2);
  await expect(page.getByTestId('pair-agreement')).toContainText('1 of 2 answers have other text');
  await shoot(page, 'review-reviewers');
  await page.getByTestId('review-version').first().getByRole('button', { name: 'Use this version' }).click();
  await expect(page.getByTestId('editor-rejected')).toContainText('says Ada');
  await expect.poll(() => readPairs(app, `id = '${id}'`)[0].rejected).toBe(`${original} says Ada`);
  await page.getByTestId('open-agreement').click();
  await expect(page.getByTestId('agreement')).toContainText('Ada and Ben');
  await shoot(page, 'review-agreement');
});

test('a decision is about the pair on the screen, however late the next one comes', async ({
  app,
  context,
}, info) => {
  test.skip(info.project.name !== 'serve', 'a second window needs the loopback door');
  await inReview(app.page);
  const page = await context.newPage();
  let late: (() => void)[] | null = null;
  await page.routeWebSocket('**/rpc', (line) => {
    const server = line.connectToServer();
    server.onMessage((message) => {
      if (late) late.push(() => line.send(message));
      else line.send(message);
    });
  });
  await page.goto(app.page.url());
  await inReview(page);
  // The one behind the next is not read ahead.
  const ids = await page
    .getByTestId('pair-row')
    .evaluateAll((rows) => [rows[0], rows[2]].map((row) => row.getAttribute('data-pair')!));
  const shown = page.getByTestId('review-pair');
  await expect(shown).toHaveAttribute('data-shown', ids[0]);
  late = [];
  await page.goto(new URL(`/#/review/${ids[1]}`, page.url()).href);
  await page.keyboard.press('Control+Enter');
  await expect(shown).toHaveAttribute('data-shown', ids[0]);
  for (const send of late.splice(0)) send();
  late = null;
  await expect(shown).toHaveAttribute('data-shown', ids[1]);
  await page.keyboard.press('Control+Enter');
  await expect.poll(() => readPairs(app, `id = '${ids[1]}'`)[0].status).toBe('accepted');
  expect(readPairs(app, `id = '${ids[0]}'`)[0].status).toBe('pending');
});

test('a room that is entered while the window opens stays', async ({ app, context }, info) => {
  test.skip(info.project.name !== 'serve', 'a second window needs the loopback door');
  await inReview(app.page);
  const page = await context.newPage();
  await page.routeWebSocket('**/rpc', (line) => {
    const server = line.connectToServer();
    server.onMessage((message) => void setTimeout(() => line.send(message), 700));
  });
  await page.route('**/NegativesRoom*', async (route) => {
    await page.waitForTimeout(2500);
    await route.continue();
  });
  await page.goto(new URL('/', app.page.url()).href);
  await page.getByTestId('room-negatives').click();
  await expect(page.getByTestId('question-row').first()).toBeVisible();
});

test('two windows see each other, and a conflict loses neither version', async ({ app, context }, info) => {
  test.skip(info.project.name !== 'serve', 'a second window needs the loopback door');
  const { page } = app;
  await inReview(page);
  // The other window's line can be held up, as a slow network does it.
  const other = await context.newPage();
  let held: (string | Buffer)[] | null = null;
  let release: () => void = () => undefined;
  await other.routeWebSocket('**/rpc', (line) => {
    const server = line.connectToServer();
    line.onMessage((message) => {
      if (held) held.push(message);
      else server.send(message);
    });
    release = () => {
      for (const message of held ?? []) server.send(message);
      held = null;
    };
  });
  const id = (await page.getByTestId('pair-row').first().getAttribute('data-pair'))!;
  await page.getByTestId('pair-row').first().click();
  await other.goto(new URL(`/#/review/${id}`, page.url()).href);
  await inReview(other);

  await test.step('live: text, queue and counts', async () => {
    await typeAtEnd(page, ' seen');
    await expect(other.getByTestId('editor-rejected')).toContainText('seen');
    const before = Number((await other.getByTestId('queue-second_look').textContent())!.replace(/\D/g, ''));
    const [row] = readPairs(app, `id <> '${id}' AND status = 'pending'`);
    await page.locator(`[data-pair="${row.id}"]`).click();
    await page.getByTestId('second-look').click();
    await expect(other.getByTestId('queue-second_look')).toContainText(String(before + 1));
    await page.locator(`[data-pair="${id}"]`).click();
    await expect(page.getByTestId('editor-rejected')).toContainText('seen');
  });

  const conflict = async (mine: string, theirs: string): Promise<void> => {
    held = [];
    await typeAtEnd(other, mine);
    await typeAtEnd(page, theirs);
    await expect(state(page)).toHaveAttribute('data-state', 'saved');
    await expect(state(other)).not.toHaveAttribute('data-state', 'saved');
    release();
    await expect(other.getByTestId('conflict')).toBeVisible();
    await expect(other.getByTestId('conflict-mine').first()).toContainText(mine.trim());
    await expect(other.getByTestId('conflict-theirs').first()).toContainText(theirs.trim());
    await expect(state(other)).toHaveAttribute('data-state', 'conflict');
    expect(readPairs(app, `id = '${id}'`)[0].rejected).toContain(theirs);
  };

  await test.step('keep mine: it is in place here and there, theirs is in the history', async () => {
    await conflict(' alpha', ' beta');
    await shoot(other, 'review-conflict');
    await other.getByTestId('keep-mine').click();
    await expect(state(other)).toHaveAttribute('data-state', 'saved');
    await expect(page.getByTestId('editor-rejected')).toContainText('alpha');
    await expect(page.getByTestId('editor-rejected')).not.toContainText('beta');
    await other.getByTestId('history').click();
    await expect(other.getByTestId('history-panel')).toContainText('over another version');
    await expect(other.getByTestId('history-panel')).toContainText('beta');
    await shoot(other, 'review-history');
    await other.keyboard.press('Escape');
  });

  await test.step('take theirs: it is in place, mine is one redo away', async () => {
    await conflict(' gamma', ' delta');
    await other.getByTestId('take-theirs').click();
    await expect(other.getByTestId('conflict')).toBeHidden();
    await expect(other.getByTestId('editor-rejected')).toContainText('delta');
    await expect.poll(() => readPairs(app, `id = '${id}'`)[0].rejected).toContain('delta');
    await other.getByRole('button', { name: 'Redo' }).click();
    await expect(other.getByTestId('editor-rejected')).toContainText('gamma');
    await expect.poll(() => readPairs(app, `id = '${id}'`)[0].rejected).toContain('gamma');
  });
});
