/**
 * @file Two players in step: over a clip of 60 seconds, at several speeds, what the model was given stands beside the clip within one frame
 * of where it belongs. And the next pair: its clip is on the screen at once.
 */
import { expect, test, type Page } from '@playwright/test';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installReaders, openClipProject, type ClipProject, type Presented } from './clip-project.ts';
import { writeNumbered } from './numbered.ts';

const MODEL = path.resolve(import.meta.dirname, '..', 'resources', 'model');
const NEXT = 11;
/** Milliseconds from the key to the next clip's first picture: the target, in the middle of ten. */
const NEXT_WITHIN = 150;

test.setTimeout(90_000);
// A trace films the page, which takes the time that the pictures need.
test.use({ trace: 'off' });

let project: ClipProject;
test.beforeAll(async () => {
  test.skip(test.info().project.name !== 'serve', 'the server runs in the test process');
  project = await openClipProject(async (folder) => {
    const long = path.join(folder, 'minute.mp4');
    await writeNumbered(long, 1800, { tick: (i) => i, timeBase: { num: 1, den: 30 } });
    const files = [long];
    for (let i = 1; i <= NEXT; i++) {
      files.push(path.join(folder, `next-${i}.mp4`));
      await writeNumbered(files[i], 30, { tick: (k) => k, timeBase: { num: 1, den: 30 }, first: i * 100 });
    }
    return files;
  });
  // A model that is given a frame a second of the long clip.
  const model = path.join(project.folder, 'model');
  await cp(MODEL, model, { recursive: true });
  await writeFile(path.join(model, 'video_preprocessor_config.json'), JSON.stringify({ num_frames: 60 }));
  await project.client.project.setModel({ modelDir: model });
});
test.afterAll(() => project?.close());

async function openReview(page: Page, clip: string): Promise<void> {
  await installReaders(page);
  await page.goto(project.url);
  await page.getByTestId('room-review').click();
  await page.getByTestId('pair-row').filter({ hasText: clip }).first().click();
  await expect(page.getByTestId('player-picture')).toHaveAttribute('aria-label', clip);
  await expect.poll(() => page.evaluate(() => window.readScreen().picture)).toBeGreaterThanOrEqual(0);
}

test('what the model was given stays within one frame of the clip over 60 s', async ({ page }) => {
  await openReview(page, 'minute.mp4');
  await page.keyboard.press('v');
  await page.getByTestId('perturbed-recipe').click();
  await page.locator('.n-base-select-option').filter({ hasText: 'global shuffle' }).click();
  const { frames } = await project.client.negatives.perturbed({
    videoId: project.videos.get('minute.mp4')!,
    recipe: 'shuffle',
    seed: 0,
  });
  expect(frames).toHaveLength(60);
  expect(frames.map(({ source }) => source)).not.toEqual(frames.map(({ at }) => at));
  const belongs = (frame: number): number => frames.findLast(({ at }) => at <= frame)!.source;
  /** Frames between what is shown beside and where it belongs. */
  const distance = ({ picture, beside }: Presented): number => {
    for (let by = 0; by < 1800; by++)
      if ([picture - by, picture + by].some((n) => n >= 0 && n < 1800 && belongs(n) === beside)) return by;
    return Infinity;
  };
  // The last picture is read when the last place is shown.
  for (const frame of [1799, 900, 0]) {
    await page.keyboard.press('Control+g');
    await page.getByTestId('frame-input').fill(String(frame));
    await page.keyboard.press('Enter');
    await expect
      .poll(() => page.evaluate(() => window.readScreen()))
      .toEqual({ picture: frame, readout: frame, beside: belongs(frame) });
  }
  const worst: Record<string, number> = {};
  for (const [keys, rate, seconds] of [
    [']]]]]', 4, 15.5],
    [']]]', 2, 2],
    ['', 1, 2],
    ['[[[', 0.25, 2],
  ] as const) {
    for (const key of `\\${keys}`) await page.keyboard.press(key);
    const seen = page.evaluate((ms) => window.watchScreen(ms), seconds * 1000);
    await page.keyboard.press('Space');
    const pictures = await seen;
    await page.keyboard.press('k');
    worst[`${rate}x, ${pictures.length} pictures`] = Math.max(...pictures.map(distance));
    if (rate === 4) expect(pictures.at(-1)!.picture, 'the whole minute').toBeGreaterThan(1700);
    expect(pictures.filter(({ picture, readout }) => picture !== readout)).toEqual([]);
    await page.getByTestId('timeline').press('Home');
  }
  test.info().annotations.push({ type: 'worst distance in frames', description: JSON.stringify(worst) });
  process.stdout.write(`worst distance in frames: ${JSON.stringify(worst)}\n`);
  for (const [what, frames] of Object.entries(worst)) expect(frames, what).toBeLessThanOrEqual(1);
});

test('accept: the next pair has its first picture on the screen at once', async ({ page }) => {
  await openReview(page, 'next-1.mp4');
  const times: number[] = [];
  for (let i = 1; i < NEXT; i++) {
    // A person looks at a pair for longer than this; meanwhile the next one is got ready.
    await page.waitForTimeout(700);
    const now = await page.evaluate(() => window.readScreen().picture);
    const measured = page.evaluate(
      (before) =>
        new Promise<number>((resolve) => {
          let pressed = 0;
          window.addEventListener('keydown', () => (pressed ||= performance.now()), { capture: true });
          const look = (): void => {
            const { picture } = window.readScreen();
            if (pressed > 0 && picture !== before && picture >= 100 && picture % 100 === 0)
              resolve(performance.now() - pressed);
            else requestAnimationFrame(look);
          };
          look();
        }),
      now,
    );
    await page.keyboard.press('Control+Enter');
    times.push(await measured);
  }
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  process.stdout.write(`accept to the next first picture, ms: ${sorted.join(' ')}\n`);
  expect(sorted).toHaveLength(NEXT - 1);
  expect(sorted[sorted.length >> 1], 'median').toBeLessThanOrEqual(NEXT_WITHIN);
});
