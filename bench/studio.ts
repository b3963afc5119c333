/**
 * @file The studio's preview: from a slider's move until the frame that the model gets under the recipe is on the screen, through `serve` in the
 * system's Chromium, for a model that is given 32 frames of 384x384; and how long the first preview of a clip takes. Run:
 * `node bench/studio.ts` (needs a built window: `npm run build`).
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { chromium, type Page } from '@playwright/test';
import { encodeVideo, type TimedRgb } from '../src-main/media/encode.ts';
import {
  readSafetensorsHeader,
  readTensorFloat32,
  writeSafetensors,
} from '../src-main/models/safetensors.ts';
import { resourcesDir } from '../src-main/platform/entries.ts';
import { startServer } from '../src-main/serve.ts';
import { createRouter } from '../src-main/services/router.ts';
import { Workbench } from '../src-main/services/workbench.ts';
import { ensureChromium, HEADLESS_ARGS } from '../scripts/chromium.ts';

/** Bar of the issue: a slider's move redraws within so many milliseconds. */
const REDRAW_MS = 100;
const SIZES = [
  [640, 480],
  [1920, 1080],
] as const;
const MODEL_SIDE = 384;
const MODEL_FRAMES = 32;
const MOVES = 40;

/** A ramp that moves: every frame is another picture. */
function* pictures(width: number, height: number): Generator<TimedRgb> {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < 100; i++) {
    for (let p = 0; p < width * height; p++) {
      rgb[p * 3] = (p + 4 * i) & 255;
      rgb[p * 3 + 1] = (p / width) & 255;
      rgb[p * 3 + 2] = (5 * i) & 255;
    }
    yield { rgb, pts: i, duration: 1 };
  }
}

type Json = Record<string, unknown>;

/** The sample model with another size and number of frames: what is shown needs no weights of that size. */
async function largeEyedModel(folder: string): Promise<string> {
  await cp(path.join(resourcesDir, 'model'), folder, { recursive: true });
  const change = async (name: string, changed: (config: Json) => Json): Promise<void> => {
    const file = path.join(folder, name);
    await writeFile(file, JSON.stringify(changed(JSON.parse(await readFile(file, 'utf8')) as Json)));
  };
  const size = { height: MODEL_SIDE, width: MODEL_SIDE };
  await change('preprocessor_config.json', (config) => ({ ...config, size }));
  await change('video_preprocessor_config.json', (config) => ({ ...config, size, num_frames: MODEL_FRAMES }));
  await change('config.json', (config) => ({
    ...config,
    vision_config: { ...(config.vision_config as Json), image_size: MODEL_SIDE },
  }));
  // One vector for each patch of 8 pixels.
  const weights = path.join(folder, 'model.safetensors');
  const { tensors } = await readSafetensorsHeader(weights);
  const all = [...tensors].map(async ([name, tensor]) => {
    if (!name.endsWith('position_embedding.weight'))
      return { name, dtype: 'F32' as const, shape: tensor.shape, data: await readTensorFloat32(tensor) };
    const shape = [(MODEL_SIDE / 8) ** 2, tensor.shape[1]];
    return { name, dtype: 'F32' as const, shape, data: new Float32Array(shape[0] * shape[1]) };
  });
  await writeSafetensors(weights, await Promise.all(all));
  return folder;
}

/** Milliseconds of each move of the slider, and of opening the clip. */
async function measure(page: Page, clip: string): Promise<{ first: number; times: number[] }> {
  const first = performance.now();
  await page.getByTestId('question-row').filter({ hasText: clip }).click();
  await page.locator('[data-testid=preview-perturbed][data-current=true]').waitFor();
  const opened = performance.now() - first;
  // The other frames are read behind it.
  await page.waitForTimeout(4000);
  // As text: this folder's code is checked without a page's types.
  const times = await page.evaluate<number[]>(`(async () => {
    const slider = document.querySelector('[data-testid=mask-most]');
    const canvas = document.querySelector('[data-testid=preview-perturbed]');
    const all = [];
    for (let i = 0; i < ${MOVES}; i++) {
      const start = performance.now();
      slider.value = String(60 + i);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      do await new Promise(requestAnimationFrame);
      while (canvas.dataset.current !== 'true');
      all.push(performance.now() - start);
    }
    return all;
  })()`);
  return { first: opened, times };
}

const home = await mkdtemp(path.join(os.tmpdir(), 'rrpo-bench-studio-'));
process.env['RRPO_WORKBENCH_HOME'] = path.join(home, 'user');
const workbench = new Workbench('serve');
const client = createRouterClient(createRouter(workbench), { context: {} });
const server = await startServer({ workbench });
const browser = await chromium.launch({ executablePath: ensureChromium(), args: HEADLESS_ARGS });
try {
  const files: string[] = [];
  for (const [width, height] of SIZES) {
    const file = path.join(home, `clip-${width}x${height}.mp4`);
    const how = { codec: 'h264', preset: 'ultrafast', timeBase: { num: 1, den: 10 } } as const;
    await encodeVideo(file, pictures(width, height), { ...how, width, height });
    files.push(file);
  }
  await client.project.create({ path: path.join(home, 'project'), name: 'Studio' });
  await client.project.setModel({ modelDir: await largeEyedModel(path.join(home, 'model')) });
  await client.library.addVideos({ paths: files });
  const csv = path.join(home, 'rows.csv');
  await writeFile(
    csv,
    ['video,question,chosen,rejected', ...files.map((file) => `${file},What is seen?,A ramp,A circle`)].join(
      '\n',
    ),
  );
  await client.library.runImport({ path: csv });
  await workbench.jobs.idle();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(server.url);
  await page.getByTestId('room-negatives').click();
  const split = page.locator('.n-base-selection', { hasText: 'Train' });
  await split.hover();
  await split.locator('.n-base-clear').click();
  console.log(
    `machine  ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}`,
  );
  console.log(
    `model    ${MODEL_FRAMES} frames of ${MODEL_SIDE}x${MODEL_SIDE}; default recipe, ${MOVES} moves of a slider`,
  );
  let met = true;
  for (const [width, height] of SIZES) {
    const { first, times } = await measure(page, `clip-${width}x${height}.mp4`);
    const sorted = times.toSorted((a, b) => a - b);
    const [median, high, worst] = [0.5, 0.95, 1].map((q) => sorted[Math.ceil(q * sorted.length) - 1]);
    met &&= high <= REDRAW_MS;
    console.log(
      `${`${width}x${height}`.padEnd(10)} redraw: median ${median.toFixed(0)} ms, 95 % within ${high.toFixed(0)} ms, worst ${worst.toFixed(0)} ms ` +
        `(bar for 95 %: ${REDRAW_MS} ms, ${high <= REDRAW_MS ? 'met' : 'MISSED'}); first picture of the clip ${first.toFixed(0)} ms`,
    );
  }
  process.exitCode = met ? 0 : 1;
} finally {
  await browser.close();
  await server.close();
  await workbench.dispose();
  await rm(home, { recursive: true, force: true });
}
