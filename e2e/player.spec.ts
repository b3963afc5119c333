/**
 * @file The player shows frame n when it says n: clips whose every frame carries its own number as pixels are stepped, sought, looped and
 * played in a real browser, and the number on the screen is compared with the number in the readout.
 */
import { expect, test, type Page } from '@playwright/test';
import path from 'node:path';
import { installReaders, openClipProject, type ClipProject, type Presented } from './clip-project.ts';
import { writeNumbered } from './numbered.ts';

const CLIPS = path.join(import.meta.dirname, 'clips');
const COMMITTED = ['b-frames.mp4', 'late.mp4', 'late.mkv', 'mpeg4.avi', 'hevc.mp4'];
/** Milliseconds of each frame of the uneven clip, repeated. */
const UNEVEN = [20, 90, 33, 41, 250, 17, 60];
const unevenTick = (i: number): number =>
  Math.floor(i / UNEVEN.length) * UNEVEN.reduce((a, b) => a + b) +
  UNEVEN.slice(0, i % UNEVEN.length).reduce((a, b) => a + b, 0);

test.setTimeout(180_000);
// A trace films the page, which takes the time that the pictures need.
test.use({ trace: 'off' });

/** Keys from normal speed to a rate, and how long to watch, in milliseconds. */
const RATES = [
  ['[[[[[', 0.1, 400],
  ['[[[', 0.25, 400],
  ['', 1, 700],
  [']]]', 2, 600],
  [']]]]]', 4, 600],
] as const;

let project: ClipProject;
test.beforeAll(async () => {
  test.skip(test.info().project.name !== 'serve', 'the server runs in the test process');
  project = await openClipProject(async (folder) => {
    const constant = path.join(folder, 'constant.mp4');
    const uneven = path.join(folder, 'uneven.mp4');
    await writeNumbered(constant, 150, { tick: (i) => i * 1001, timeBase: { num: 1, den: 30_000 } });
    await writeNumbered(uneven, 70, { tick: unevenTick });
    return [constant, uneven, ...COMMITTED.map((name) => path.join(CLIPS, name))];
  });
});
test.afterAll(() => project?.close());

/** Opens the pair of a clip in Review and waits for its first frame. */
async function open(page: Page, clip: string): Promise<void> {
  await page.getByTestId('pair-row').filter({ hasText: clip }).click();
  await expect(page.getByTestId('player-picture')).toHaveAttribute('aria-label', clip);
  await expect.poll(() => page.evaluate(() => window.readScreen().picture)).toBe(0);
}

/** Waits until the readout says `frame`, and expects the same of the picture at that moment. */
async function expectFrame(page: Page, frame: number, what: string): Promise<void> {
  const screen = await page.evaluate(async (wanted) => {
    const until = performance.now() + 20_000;
    for (;;) {
      const screen = window.readScreen();
      if (screen.readout === wanted || performance.now() > until) return screen;
      await new Promise(requestAnimationFrame);
    }
  }, frame);
  expect(screen, what).toMatchObject({ picture: frame, readout: frame });
}

async function goTo(page: Page, frame: number): Promise<void> {
  await page.keyboard.press('Control+g');
  await page.getByTestId('frame-input').fill(String(frame));
  await page.keyboard.press('Enter');
  await expectFrame(page, frame, `go to ${frame}`);
}

/** Presses a key and looks at every picture for a while, and until there were `least`. */
async function watchDuring(
  page: Page,
  key: string,
  milliseconds: number,
  least: number,
): Promise<Presented[]> {
  const seen = page.evaluate(([ms, n]) => window.watchScreen(ms, n), [milliseconds, least] as const);
  await page.keyboard.press(key);
  return seen;
}

/** After a pause the picture and the readout are one frame, and stay so. */
async function expectRest(page: Page): Promise<void> {
  await page.waitForTimeout(150);
  const { picture, readout } = await page.evaluate(() => window.readScreen());
  expect(picture, 'at rest').toBe(readout);
}

/** Every picture that was presented is the frame of the readout. */
function expectTruth(seen: Presented[], what: string): void {
  const wrong = seen.filter(({ picture, readout }) => picture !== readout);
  expect(wrong, what).toEqual([]);
}

for (const [clip, frames] of [
  ['constant.mp4', 150],
  ['uneven.mp4', 70],
  ...COMMITTED.map((name) => [name, 60] as const),
] as const)
  test(`${clip}: steps, seeks and plays show the frame that the readout says`, async ({ page }) => {
    await installReaders(page);
    await page.goto(project.url);
    await page.getByTestId('room-review').click();
    await open(page, clip);
    let at = 0;
    for (const [key, by] of [
      ['.', 1],
      ['.', 1],
      ['Shift+ArrowRight', 10],
      [',', -1],
      ['ArrowRight', 1],
      ['Shift+ArrowRight', 10],
      ['Shift+ArrowLeft', -10],
      [',', -1],
    ] as const) {
      await page.keyboard.press(key);
      await expectFrame(page, (at += by), `after ${key}`);
    }
    // Keys faster than the decoder: the last one counts.
    for (let i = 0; i < 12; i++) await page.keyboard.press('.', { delay: 0 });
    await expectFrame(page, at + 12, 'after twelve quick steps');
    for (const frame of [0, frames - 1, 17, 5, frames >> 1]) await goTo(page, frame);
    const timeline = (await page.getByTestId('timeline').boundingBox())!;
    await page.mouse.click(timeline.x + timeline.width / 3, timeline.y + 20);
    await expect.poll(() => page.getByTestId('frame-number').textContent()).not.toBe(String(frames >> 1));
    await expectRest(page);
    await test.step('plays in a loop between two points at every rate, and backwards', async () => {
      for (const [key, frame] of [
        ['i', 8],
        ['o', 28],
      ] as const) {
        await goTo(page, frame);
        await page.keyboard.press(key);
      }
      await page.keyboard.press('r');
      // Every rate for one clip of each kind; the others differ in their timestamps only.
      const rates = ['constant.mp4', 'uneven.mp4', 'mpeg4.avi'].includes(clip) ? RATES : RATES.slice(-1);
      for (const [keys, rate, length] of rates) {
        for (const key of `\\${keys}`) await page.keyboard.press(key);
        await goTo(page, 8);
        const least = rate < 1 ? 1 : 6;
        const seen = await watchDuring(page, 'Space', length, least);
        expect(seen.length, 'pictures').toBeGreaterThanOrEqual(least);
        expectTruth(seen, `${clip} at ${rate}x`);
        const frames = seen.map(({ readout }) => readout);
        expect(Math.max(...frames), `${clip} at ${rate}x, out point`).toBeLessThanOrEqual(28);
        expect(Math.min(...frames), `${clip} at ${rate}x, in point`).toBeGreaterThanOrEqual(8);
        await page.keyboard.press('k');
        await expectRest(page);
      }
      await page.keyboard.press('\\');
      await goTo(page, 28);
      const back = await watchDuring(page, 'j', 700, 4);
      expectTruth(back, `${clip} backwards`);
      expect(back.length).toBeGreaterThanOrEqual(4);
      await page.keyboard.press('k');
      await expectRest(page);
    });
  });
