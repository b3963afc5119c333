/**
 * @file `node scripts/screenshots.ts [room ... | large]`: the pictures in docs/screens, taken through `serve` on the sample
 * project after one RRPO run and its evaluation, in light and dark, at 1440x900 and 1024x700. `large`, alone, shows Library and Review on
 * 100,000 samples instead, in the same four looks. With RRPO_WORKBENCH_HOME set that folder is used and kept, so that a second call need not prepare again.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { chromium, type Page } from '@playwright/test';
import { largeProject } from '../bench/_large-project.ts';
import { resourcesDir } from '../src-main/platform/entries.ts';
import { startServer } from '../src-main/serve.ts';
import { createRouter } from '../src-main/services/router.ts';
import { Workbench } from '../src-main/services/workbench.ts';
import { ensureChromium, HEADLESS_ARGS } from './chromium.ts';

const OUT = path.resolve(import.meta.dirname, '..', 'docs', 'screens');
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
];
/** `welcome` last: it closes the project. */
const ROOMS = [
  'library',
  'negatives',
  'negatives-yield',
  'review',
  'train',
  'compare',
  'settings',
  'welcome',
];

const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ROOMS;
// The user folder is read when the sample project is opened, so setting it here is early enough.
const home = process.env['RRPO_WORKBENCH_HOME'] ?? (await mkdtemp(path.join(os.tmpdir(), 'rrpo-screens-')));
const keep = process.env['RRPO_WORKBENCH_HOME'] !== undefined;
process.env['RRPO_WORKBENCH_HOME'] = home;
const workbench = new Workbench('serve');
const client = createRouterClient(createRouter(workbench), { context: {} });
const server = await startServer({ workbench });
const browser = await chromium.launch({ executablePath: ensureChromium(), args: HEADLESS_ARGS });
await mkdir(OUT, { recursive: true });
try {
  if (wanted.includes('large')) await large(await largeProject(home, 100_000));
  else
    for (const scheme of ['light', 'dark'] as const) {
      for (const viewport of SIZES) {
        const context = await browser.newContext({ viewport, colorScheme: scheme });
        await client.project.openSample();
        await prepare();
        const page = await context.newPage();
        await page.goto(server.url);
        for (const room of ROOMS) {
          if (!wanted.includes(room)) continue;
          await enter(page, room);
          await page.screenshot({
            path: path.join(OUT, `${room}-${scheme}-${viewport.width}x${viewport.height}.png`),
          });
        }
        await context.close();
      }
    }
} finally {
  await browser.close();
  await server.close();
  await workbench.dispose();
  if (!keep) await rm(home, { recursive: true, force: true });
}

/** Library and Review with long texts, Chinese ones and a clip of two hours among 100,000 samples. */
async function large(folder: string): Promise<void> {
  await client.project.open({ path: folder });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  while ((await client.jobs.list()).some((job) => job.endedAt === null)) await settle();
  for (const scheme of ['light', 'dark'] as const)
    for (const viewport of SIZES) {
      const context = await browser.newContext({ viewport, colorScheme: scheme });
      const page = await context.newPage();
      await page.goto(server.url);
      for (const room of ['library', 'review']) {
        await enter(page, room);
        if (room === 'library') {
          await page.getByTestId('tab-samples').click();
          await page.getByTestId('sample-row').first().waitFor();
        }
        const name = `${room}-large-${scheme}-${viewport.width}x${viewport.height}.png`;
        await page.screenshot({ path: path.join(OUT, name) });
      }
      await context.close();
    }
}

async function enter(page: Page, room: string): Promise<void> {
  if (room === 'welcome') {
    await client.project.close();
    // Settings are there without a project too; a fresh load begins at the welcome page.
    await page.goto(server.url);
    await page.getByTestId('open-sample').waitFor();
    return;
  }
  await page.getByTestId(`room-${room.split('-')[0]}`).click();
  // A tooltip of the rail has no place in the picture.
  await page.mouse.move(700, 5);
  if (room === 'negatives') {
    // What the last generation gave; in a narrow window the recipe instead of the questions.
    await page.getByTestId('view-answers').click();
    const turn = page.getByTestId('turn-recipe');
    if (await turn.isVisible()) await turn.click();
  }
  if (room === 'negatives-yield') await page.getByTestId('view-yield').click();
  if (room === 'train') await page.getByTestId('run-row').first().click();
  // Pictures, fonts and the first frame of a clip.
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.waitForTimeout(1500);
}

/** Something to see in Negatives, Train and Compare: some answers, one finished run, and both evaluations. */
async function prepare(): Promise<void> {
  while ((await client.jobs.list()).some((job) => job.endedAt === null)) await settle();
  if (!(await client.jobs.list()).some((job) => job.kind === 'generate'))
    await client.negatives.generate({
      filter: { text: 'yellow circle' },
      seed: 1,
      maxNewTokens: 32,
      tries: 2,
    });
  while ((await client.jobs.list()).some((job) => job.endedAt === null)) await settle();
  // Without a picture of them neither a run nor an evaluation is needed.
  if (!wanted.some((room) => room === 'train' || room === 'compare')) return;
  let [run] = await client.train.runs();
  if (!run) {
    const preset = (await client.train.presets()).find((p) => p.id === 'sample');
    if (!preset) throw new Error('screenshots: expected a preset named "sample"');
    run = await client.train.start({ requestId: 'screenshots', name: 'RRPO 1', config: preset.config });
    while (['queued', 'running'].includes((await client.train.run({ runId: run.id })).state)) await settle();
  }
  const done = new Set((await client.compare.evaluations()).map((e) => e.runId));
  for (const runId of [null, run.id]) if (!done.has(runId)) await client.compare.evaluate({ runId });
  while ((await client.jobs.list()).some((job) => job.endedAt === null)) await settle();
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000));
}
