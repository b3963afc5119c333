/**
 * @file What a generation in the window leaves on the disk: a tuned model is chosen and asked under steps of one's own, one clip is gone meanwhile and
 * its questions are listed, a recipe is deleted and comes back, and the tuned model is taken along, as adapter and as one model.
 */
import { cpSync, mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { adapterHash } from '../src-main/align/adapter.ts';
import { Recipe, type RecipeInput } from '../src-main/contract/recipe.ts';
import type { Provenance } from '../src-main/contract/schemas.ts';
import { seedTunedRun } from '../src-main/services/testing.ts';
import { openClipProject, type ClipProject } from './clip-project.ts';
import { readProject } from './project-file.ts';

const RESOURCES = path.resolve(import.meta.dirname, '..', 'resources');
const MODEL = path.join(RESOURCES, 'model');
const CLIPS = ['clip-0001.mp4', 'clip-0003.mp4', 'clip-0005.mp4'];
/** Lost before the model is asked. */
const LOST = CLIPS[2];
const RUN = 'r-tuned';
const STEPS: RecipeInput = [
  { op: 'reverse' },
  { op: 'mask', ratio: [0.6, 0.6], shape: 'patches', span: 'frame', fill: 'noise' },
];

let project: ClipProject;
let adapterDir: string;

test.setTimeout(240_000);
test.beforeAll(async () => {
  test.skip(test.info().project.name !== 'serve', 'the server runs in the test process');
  project = await openClipProject((folder) => {
    for (const clip of CLIPS) cpSync(path.join(RESOURCES, 'sample', 'clips', clip), path.join(folder, clip));
    return Promise.resolve(CLIPS.map((clip) => path.join(folder, clip)));
  });
  await project.client.project.setModel({ modelDir: MODEL });
  const { db, runsDir } = project.workbench.requireProject();
  // Which split a clip falls into is not what this is about.
  db.prepare("UPDATE videos SET split = 'train'").run();
  adapterDir = await seedTunedRun(runsDir, { id: RUN, name: 'First try', modelDir: MODEL });
});
test.afterAll(() => project?.close());

/** Chooses an option of the select with this test id or name. */
async function choose(page: Page, select: string, option: string): Promise<void> {
  await page.getByTestId(select).click();
  await page.locator('.n-base-select-option').getByText(option, { exact: true }).click();
}

async function openRoom(page: Page): Promise<void> {
  await page.goto(project.url);
  await page.getByTestId('room-negatives').click();
  await expect(page.getByTestId('chosen-count')).toHaveText('3 questions chosen');
}

test('a tuned model is asked under steps of one’s own: the pairs on the disk say so, the lost clip is listed', async ({
  page,
}) => {
  await openRoom(page);
  unlinkSync(path.join(project.folder, LOST));
  await choose(page, 'recipe', 'Spatial: mask');
  await page.getByTestId('step-shape').click();
  await page.locator('.n-base-select-option').getByText('Patches', { exact: true }).click();
  await choose(page, 'step-span', 'New place each frame');
  await choose(page, 'step-fill', 'Noise');
  await page.getByTestId('mask-least').fill('60');
  await page.getByTestId('mask-most').fill('60');
  await page.getByTestId('add-step').click();
  await page.getByText('Reverse: plays backwards').click();
  await page.getByTestId('step-up').last().click();
  await page.getByLabel(/^Seed/).fill('5');
  await choose(page, 'generate-adapter', 'Tuned: First try');
  await page.getByLabel(/^Longest answer/).fill('12');
  await page.getByTestId('generate').click();

  const skipped = page.getByTestId('skipped');
  await expect(skipped).toContainText('1 question left out', { timeout: 180_000 });
  await skipped.locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(skipped.getByRole('listitem')).toHaveText([`What is seen in ${LOST}?${LOST}`]);
  await expect(page.getByText('2 new pairs').first()).toBeVisible();

  // From the file itself, not through the services.
  const rows = readProject<{ provenance: string }>(
    path.join(project.folder, 'project'),
    "SELECT provenance FROM pairs WHERE source LIKE 'recipe:%'",
  );
  expect(rows).toHaveLength(2);
  for (const { provenance } of rows) {
    expect(JSON.parse(provenance) as Provenance).toMatchObject({
      kind: 'generated',
      runId: RUN,
      adapter: `project:runs/${RUN}/adapter`,
      adapterHash: await adapterHash(adapterDir),
      recipe: Recipe.parse(STEPS),
      frames: 4,
      decoding: { temperature: 0, maxNewTokens: 12 },
    });
  }
});

test('a deleted recipe comes back with its versions, and stays away when nobody asks for it', async ({
  page,
}) => {
  const { negatives } = project.client;
  const about = { description: '', family: 'spatio-temporal' } as const;
  const { id } = await negatives.saveRecipe({ ...about, name: 'Mine', recipe: Recipe.parse(STEPS) });
  await negatives.saveRecipe({ ...about, id, name: 'Mine', recipe: Recipe.parse([{ op: 'reverse' }]) });
  await openRoom(page);
  await choose(page, 'recipe', 'Mine');
  await expect(page.getByTestId('recipe-version')).toHaveText('Version 2');
  const remove = async (): Promise<void> => {
    await page.getByTestId('recipe-more').click();
    await page.locator('.n-dropdown-option').getByText('Delete', { exact: true }).click();
    await expect(page.getByTestId('recipe')).not.toContainText('Mine');
    expect((await negatives.recipes()).map((recipe) => recipe.id)).not.toContain(id);
  };
  await remove();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByTestId('recipe')).toContainText('Mine');
  await expect(page.getByTestId('recipe-version')).toHaveText('Version 2');
  await expect(page.getByTestId('recipe-step')).toHaveCount(1);
  expect(await negatives.recipeVersions({ id })).toHaveLength(2);
  await remove();
});

test('the tuned model is taken along from Train and from Compare, as adapter and as one model', async ({
  page,
}) => {
  await page.goto(project.url);
  const take = async (form: string, folder: string): Promise<void> => {
    await page.getByTestId('export-run').click();
    await page.locator('.n-dropdown-option').getByText(form).click();
    const picker = page.getByTestId('path-picker');
    await picker.getByLabel('Folder path').fill(project.folder);
    await picker.getByRole('button', { name: 'Go' }).click();
    await picker.getByRole('option', { name: folder }).click();
    await expect(picker.getByLabel('Folder path')).toHaveValue(path.join(project.folder, folder));
    await page.getByTestId('path-confirm').click();
  };
  for (const folder of ['out-adapter', 'out-merged']) mkdirSync(path.join(project.folder, folder));
  await page.getByTestId('room-train').click();
  await page.getByTestId('run-row').click();
  await take('Adapter (PEFT)', 'out-adapter');
  await expect(page.getByText('The adapter is in')).toBeVisible();
  const weights = 'adapter_model.safetensors';
  expect(readFileSync(path.join(project.folder, 'out-adapter', weights))).toEqual(
    readFileSync(path.join(adapterDir, weights)),
  );
  await page.getByTestId('room-compare').click();
  await take('Model with the adapter merged in', 'out-merged');
  await expect(page.getByText('The model is written')).toBeVisible();
  const merged = path.join(project.folder, 'out-merged', 'model.safetensors');
  expect(statSync(merged).size).toBeGreaterThan(1_000_000);
  expect(readFileSync(merged)).not.toEqual(readFileSync(path.join(MODEL, 'model.safetensors')));
});
