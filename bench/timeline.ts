/**
 * @file A two-hour clip: how long until its first picture, its timeline and its filmstrip are there, through `serve` in the system's
 * Chromium; and what the frame table costs as bytes and as JSON. Run: `node bench/timeline.ts` (needs a built window: `npm run build`). The clip
 * (216,000 frames at 30 a second, 96x64, H.264 with a keyframe every 250) is made once and kept in the system's temporary folder.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { chromium } from '@playwright/test';
import { frameTimes, readPts } from '../src-main/contract/pts-bytes.ts';
import { encodeVideo, type TimedRgb } from '../src-main/media/encode.ts';
import { makeStrip } from '../src-main/media/filmstrip.ts';
import { probeVideo } from '../src-main/media/probe.ts';
import { isMain } from '../src-main/platform/entries.ts';
import { startServer } from '../src-main/serve.ts';
import { createRouter } from '../src-main/services/router.ts';
import { Workbench } from '../src-main/services/workbench.ts';
import { findChromium, HEADLESS_ARGS } from '../scripts/chromium.ts';

const FRAMES = 2 * 3600 * 30;
const [WIDTH, HEIGHT] = [96, 64];
const CLIP = path.join(os.tmpdir(), 'rrpo-bench-two-hours.mp4');

/** A square that goes round once in 64 frames. */
function* pictures(): Generator<TimedRgb> {
  const cycle = Array.from({ length: 64 }, (_, k) => {
    const rgb = new Uint8Array(WIDTH * HEIGHT * 3).fill(50);
    for (let y = 20; y < 44; y++)
      for (let x = k; x < k + 24; x++) rgb.set([220, 90, 40], (y * WIDTH + x) * 3);
    return rgb;
  });
  for (let i = 0; i < FRAMES; i++) yield { rgb: cycle[i % 64], pts: i };
}

const row = (what: string, value: string): void => console.log(`${what.padEnd(64)} ${value.padStart(12)}`);
const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

async function timed<T>(work: () => T | Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await work();
  return { value, ms: performance.now() - start };
}

/** Measures and prints the table. */
async function benchTimeline(): Promise<void> {
  console.log(
    `machine  ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}`,
  );
  if (!existsSync(CLIP)) {
    const options = { width: WIDTH, height: HEIGHT, timeBase: { num: 1, den: 30 } };
    const made = await timed(() =>
      encodeVideo(CLIP, pictures(), { ...options, codec: 'h264', gop: 250, preset: 'ultrafast', threads: 0 }),
    );
    console.log(`made     ${CLIP} in ${(made.ms / 1000).toFixed(0)} s`);
  }
  const probe = await timed(() => probeVideo(CLIP));
  const table = probe.value.pts;
  console.log(
    `clip     ${table.length} frames of ${WIDTH}x${HEIGHT}, ${(statSync(CLIP).size / 1e6).toFixed(0)} MB, ${table.keys.length} keyframes\n`,
  );
  row('import (once): every timestamp, hash', `${(probe.ms / 1000).toFixed(1)} s`);

  const bytes = await timed(() => table.toBytes());
  const read = await timed(() => frameTimes(readPts(bytes.value)));
  const plain = { seconds: Array.from(read.value.seconds), end: read.value.end };
  const json = await timed(() => JSON.stringify(plain));
  const parsed = await timed(() => JSON.parse(json.value) as unknown);
  row(`frame table as bytes: ${(bytes.value.length / 1e3).toFixed(0)} kB, reading`, ms(read.ms));
  row(
    `frame table as JSON: ${(json.value.length / 1e3).toFixed(0)} kB, writing and reading`,
    ms(json.ms + parsed.ms),
  );

  const folder = await mkdtemp(path.join(os.tmpdir(), 'rrpo-bench-timeline-'));
  try {
    for (const stride of [8192, 64, 1]) {
      const made = await timed(() =>
        makeStrip(CLIP, table, { stride, strip: 1 }, path.join(folder, `${stride}.jpg`)),
      );
      row(`one strip of 16 pictures, ${stride} frames apart`, ms(made.ms));
    }
    await benchWindow(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In the window: from the click on the clip to its first picture, its timeline, its pictures. Twice: pictures made, and from the cache. */
async function benchWindow(folder: string): Promise<void> {
  const found = findChromium();
  if (!found.value) return console.log(`in the window: ${found.reason}`);
  process.env['RRPO_WORKBENCH_HOME'] = path.join(folder, 'user');
  const workbench = new Workbench('serve');
  const client = createRouterClient(createRouter(workbench), { context: {} });
  const server = await startServer({ workbench });
  const browser = await chromium.launch({ executablePath: found.value, args: HEADLESS_ARGS });
  try {
    await client.project.create({ path: path.join(folder, 'project'), name: 'Bench' });
    await client.library.addVideos({ paths: [CLIP] });
    await workbench.jobs.idle();
    for (const when of ['pictures not made yet', 'pictures in the cache']) {
      const page = await browser.newPage();
      await page.goto(server.url);
      await page.getByTestId('room-library').click();
      await page.getByTestId('video-row').first().waitFor();
      await page.waitForTimeout(1000);
      // As text: this file is checked without the types of a page.
      await page.evaluate(`(() => {
        const at = (window.marks = {});
        const find = (id) => document.querySelector('[data-testid=' + id + ']');
        document.addEventListener('pointerdown', () => {
          const start = performance.now();
          const strips = () => performance.getEntriesByType('resource').filter((e) => e.name.includes('/filmstrip/') && e.responseEnd > start);
          const look = () => {
            const now = performance.now() - start;
            if ((find('player-picture')?.width ?? 0) > 1) at.picture ??= now;
            if (find('timeline')) at.timeline ??= now;
            const got = strips();
            if (got.length) { at.firstStrip ??= got[0].responseEnd - start; at.lastStrip = Math.max(...got.map((e) => e.responseEnd)) - start; at.strips = got.length; }
            requestAnimationFrame(look);
          };
          look();
        }, { once: true, capture: true });
      })()`);
      await page.getByTestId('video-row').first().click();
      await page.waitForTimeout(8000);
      const marks = await page.evaluate<Record<string, number>>('window.marks');
      row(`in the window, ${when}: first picture after`, ms(marks['picture']));
      row('  timeline with ruler after', ms(marks['timeline']));
      row('  first strip after', ms(marks['firstStrip']));
      row(`  all ${marks['strips']} strips after`, ms(marks['lastStrip']));
      await page.close();
    }
  } finally {
    await browser.close();
    await server.close();
    await workbench.dispose();
  }
}

if (isMain(import.meta.url)) await benchTimeline();
