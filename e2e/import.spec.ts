/**
 * @file The import dialog: fields chosen by hand with the rows read again at each choice, bad rows with the list saved, HTML shown as
 * text, an import that is cancelled and continued. With RRPO_SHOTS set to a folder, pictures of each look are left there.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, shoot, test, type App } from './fixtures.ts';

const HTML = `<img src=x onerror="document.title='broken'"> 什么在游泳？`;
const LONG = 'לאט לאט, אבל בטוח: '.repeat(12) + 'and-a-word-that-does-not-end'.repeat(6);

// A step that hangs is told after this, not after the whole test's time.
test.use({ actionTimeout: 30_000 });

/** Opens the dialog on a file, as a drop on the window does. */
async function openImport({ page }: App, file: string): Promise<void> {
  await page.evaluate(
    (hash) => (window.location.hash = hash),
    `#/library?import=${encodeURIComponent(file)}`,
  );
  await expect(page.getByTestId('import-dialog')).toBeVisible();
}

async function choose({ page }: App, field: string, column: string): Promise<void> {
  await page.getByTestId(`map-${field}`).click();
  await page.locator('.n-base-select-option:visible', { hasText: column }).first().click();
  // A menu that fades out would take the next click.
  await expect(page.locator('.n-base-select-menu:visible')).toHaveCount(0);
}

test.beforeEach(async ({ app }) => {
  await expect(app.page.getByTestId('project-menu')).toContainText('Sample project');
  await expect(app.page.getByTestId('pair-row').first()).toBeVisible();
});

test('unknown columns are chosen by hand, bad rows are listed and saved, HTML stays text', async ({
  app,
}) => {
  const { page } = app;
  const file = path.join(app.home, 'fremde Spalten.csv');
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  writeFileSync(
    file,
    [
      'Datei;Frage;Antwort;Falsch;Bemerkung',
      `gone.mp4;${quoted(HTML)};Eine Gans.;Ein Hund.;1`,
      `gone.mp4;${quoted(LONG)};${quoted(LONG)};;2`,
      'gone.mp4;zu wenige Spalten',
      'gone.mp4;;leer;;3',
      'gone.mp4;Und dies?;Ja.;Nein.;4',
    ].join('\n'),
  );
  await openImport(app, file);
  const dialog = page.getByTestId('import-dialog');
  await expect(dialog).toContainText('Choose what is: Clip, Question, Preferred answer.');
  await expect(page.getByTestId('run-import')).toBeDisabled();
  await shoot(page, 'import-unmapped');
  await choose(app, 'video', 'Datei');
  await choose(app, 'question', 'Frage');
  await choose(app, 'chosen', 'Bemerkung');
  await expect(dialog.getByRole('row', { name: /Und dies/ })).toContainText('4');
  // Another choice, and the rows are read again.
  await choose(app, 'chosen', 'Antwort');
  await choose(app, 'rejected', 'Falsch');
  await expect(dialog.getByRole('row', { name: /Und dies/ })).toContainText('Nein.');
  await expect(dialog.getByTitle(HTML)).toBeVisible();
  await expect(dialog.getByText('expected 5 columns as in the header, got 2')).toBeVisible();
  await shoot(page, 'import-preview');
  await page.getByTestId('run-import').click();
  await expect(page.getByTestId('import-report')).toContainText('3 rows imported');
  await expect(page.getByTestId('import-report')).toContainText('2 rows could not be used');
  await expect(dialog.getByRole('row', { name: /^4/ })).toContainText('expected 5 columns');
  await shoot(page, 'import-done');
  await page.getByTestId('save-errors').click();
  const picker = page.getByTestId('path-picker');
  await picker.getByLabel('Folder path').fill(app.home);
  await picker.getByRole('button', { name: 'Go' }).click();
  await picker.getByLabel('File name').fill('bad rows.csv');
  await page.getByTestId('path-confirm').click();
  const saved = path.join(app.home, 'bad rows.csv');
  await expect.poll(() => existsSync(saved)).toBe(true);
  expect(readFileSync(saved, 'utf8').split('\n').slice(0, 2)).toEqual([
    'line,reason',
    '4,"expected 5 columns as in the header, got 2"',
  ]);
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await page.getByTestId('tab-samples').click();
  await page.getByPlaceholder('Search questions').fill('什么在游泳');
  await expect(page.getByText(HTML).first()).toBeVisible();
  expect(await page.title()).not.toBe('broken');
});

test('an import is cancelled and continued; what cannot be read is told', async ({ app }) => {
  const { page } = app;
  const file = path.join(app.home, 'many.jsonl');
  const total = 6000;
  writeFileSync(
    file,
    Array.from({ length: total }, (_, n) =>
      JSON.stringify({
        question: `Question number ${n}?`,
        answer: `The answer ${n} goes on and on. `.repeat(12),
        pred: `The other answer ${n} goes on as well. `.repeat(12),
        video: 'gone.mp4',
      }),
    ).join('\n'),
  );
  await openImport(app, file);
  await expect(page.getByTestId('run-import')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('import-progress')).toContainText('left');
  await shoot(page, 'import-running');
  await page.getByTestId('cancel-import').click();
  const dialog = page.getByTestId('import-dialog');
  await expect(dialog.getByRole('status')).toContainText(/Cancelled after [\d,]+ rows/);
  await shoot(page, 'import-cancelled');
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  // Another time: the dialog knows where it was.
  await openImport(app, file);
  await expect(page.getByTestId('import-stopped')).toContainText(/stopped after [\d,]+ rows/);
  await shoot(page, 'import-stopped');
  await page.getByTestId('run-import').click();
  await expect(page.getByTestId('import-report')).toContainText('6,000 rows imported', { timeout: 240_000 });
  await expect(dialog).toContainText(/rows of these had been read before it was stopped/);
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  const packed = path.join(app.home, 'packed.json');
  writeFileSync(packed, Buffer.from([0x1f, 0x8b, 8, 0]));
  await openImport(app, packed);
  await expect(dialog.getByRole('alert')).toContainText('got a gzip archive');
  await shoot(page, 'import-error');
});
