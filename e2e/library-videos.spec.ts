/**
 * @file Clips in the Library: a real file dropped into the window becomes a clip that plays; a moved one is shown as missing and found
 * again; a broken one says why and can be tried again.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expect, shoot, test } from './fixtures.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../src-main/media/fixtures');

/** Drops files with these contents on the window, as a person does from a file manager. */
async function drop(page: Page, files: { name: string; content: Buffer }[]): Promise<void> {
  const transfer = await page.evaluateHandle(
    (list) => {
      const data = new DataTransfer();
      for (const { name, base64 } of list)
        data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      return data;
    },
    files.map(({ name, content }) => ({ name, base64: content.toString('base64') })),
  );
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: transfer });
  await expect(page.getByText('Drop clips to add them')).toBeVisible();
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

/** Answers our own path picker. */
async function pick(page: Page, where: string): Promise<void> {
  const picker = page.getByTestId('path-picker');
  await picker.getByLabel('Folder path').fill(where);
  await page.keyboard.press('Enter');
  await expect(picker.getByTestId('path-confirm')).toBeEnabled();
  await picker.getByTestId('path-confirm').click();
}

test('dropped clips are copied in, read and played; a table of answers goes to the import', async ({
  app: { page, home },
}, info) => {
  test.skip(info.project.name === 'electron', 'Electron knows the paths of dropped files and copies nothing');
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.getByTestId('room-library').click();
  const rows = page.getByTestId('video-row');
  await expect(rows.first()).toBeVisible();
  const name = 'Dropped “clip” – ä 日本.mp4';
  const content = readFileSync(path.join(FIXTURES, 'hevc.mp4'));
  const table = Buffer.from(
    JSON.stringify([{ question: 'Which pattern is it?', answer: 'A test pattern.', video: name }]),
  );
  await drop(page, [
    { name, content },
    { name: 'answers.json', content: table },
  ]);
  const dialog = page.getByTestId('drop-dialog');
  await expect(dialog).toContainText('1 clip and 1 table of answers');
  await expect(page.getByTestId('drop-copy')).toBeFocused();
  await page.keyboard.press('Enter');
  // The import of the table opens by itself.
  await expect(page.getByText('Which pattern is it?').first()).toBeVisible();
  await page.keyboard.press('Escape');
  const row = rows.filter({ hasText: name });
  await page.getByPlaceholder('Search clips').fill('Dropped');
  await expect(row).toHaveAttribute('data-state', 'ready');
  await row.click();
  await expect(page.getByTestId('video-drawer')).toContainText('a copy with the same frames', {
    timeout: 120_000,
  });
  const inside = path.join(home, 'sample-project', 'videos');
  expect(readdirSync(inside)).toEqual([name]);
  expect(readFileSync(path.join(inside, name))).toEqual(content);

  // The same again is recognised, and not kept twice.
  await drop(page, [{ name: 'again.mp4', content }]);
  await page.getByTestId('drop-copy').click();
  await expect(dialog).toContainText('Already in the project');
  await page.getByTestId('drop-close').click();
  expect(readdirSync(inside)).toEqual([name]);
});

test('a moved clip is missing, and found in a folder; a broken one is read once it is mended; one nobody asks about can go', async ({
  app: { page, home },
}, info) => {
  test.skip(info.project.name === 'electron', 'native dialogs');
  const folder = path.join(home, 'clips here');
  mkdirSync(folder);
  copyFileSync(path.join(FIXTURES, 'vp8.webm'), path.join(folder, 'moved away.webm'));
  writeFileSync(path.join(folder, 'broken one.mp4'), 'not a video');
  await expect(page.getByTestId('pair-row').first()).toBeVisible();
  await page.getByTestId('room-library').click();
  await page.getByRole('button', { name: 'Add folder…' }).click();
  await pick(page, folder);
  const row = (name: string): ReturnType<Page['getByTestId']> =>
    page.getByTestId('video-row').filter({ hasText: name });
  await page.getByPlaceholder('Search clips').fill('clips here');
  await expect(row('moved away')).toHaveAttribute('data-state', 'ready');
  await expect(row('broken one')).toHaveAttribute('data-state', 'broken');
  const queue = page.getByTestId('reading-queue');
  await expect(queue).toContainText('1 clip could not be read.');

  copyFileSync(path.join(FIXTURES, 'mirrored.mp4'), path.join(folder, 'broken one.mp4'));
  await page.getByTestId('retry-broken').click();
  await expect(row('broken one')).toHaveAttribute('data-state', 'ready');

  mkdirSync(path.join(home, 'elsewhere'));
  renameSync(path.join(folder, 'moved away.webm'), path.join(home, 'elsewhere', 'renamed.webm'));
  // The library looks which files are there when it is read, at most every five seconds.
  await expect(async () => {
    await page.reload();
    await page.getByPlaceholder('Search clips').fill('moved away');
    await expect(row('moved away')).toHaveAttribute('data-state', 'missing', { timeout: 3000 });
  }).toPass({ timeout: 90_000 });
  await page.getByTestId('search-missing').click();
  await pick(page, path.join(home, 'elsewhere'));
  await expect(page.getByText('1 clip found again.')).toBeVisible();
  await page.getByPlaceholder('Search clips').fill('renamed');
  await expect(row('renamed.webm')).toHaveAttribute('data-state', 'ready');

  await row('renamed.webm').click();
  await shoot(page, 'library-clip');
  // A file that goes while the clip is open elsewhere is missed when it is opened again, at once.
  await page.keyboard.press('Escape');
  const renamed = path.join(home, 'elsewhere', 'renamed.webm');
  renameSync(renamed, path.join(home, 'gone.webm'));
  await row('renamed.webm').click();
  await expect(page.getByTestId('video-drawer')).toContainText('The file is not where it was');
  renameSync(path.join(home, 'gone.webm'), renamed);
  await page.getByTestId('remove-video').click();
  await expect(row('renamed.webm')).toHaveCount(0);
  await expect(page.getByTestId('video-drawer')).toHaveCount(0);
  expect(readdirSync(path.join(home, 'elsewhere'))).toEqual(['renamed.webm']);
});
