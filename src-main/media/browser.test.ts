/** @file The promise that a frame index means the same in the player: Chromium, where the machine has it, shows each frame at its time in the PTS table. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from '@playwright/test';
import { afterAll, expect, test } from 'vitest';
import { probeVideo } from './probe.ts';
import { makeProxy } from './proxy.ts';

const CHROMIUM = '/usr/bin/chromium';
const SHARED = path.resolve(import.meta.dirname, '../../../shared/clips');
const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const folder = mkdtempSync(path.join(tmpdir(), 'media-browser-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Seeks to each time in turn; the media time of the frame that the browser then presents. Runs inside the page. */
async function presentedTimes(times: number[]): Promise<number[]> {
  const page = globalThis as unknown as { document: { querySelector(name: string): unknown } };
  const video = page.document.querySelector('video') as {
    readyState: number;
    currentTime: number;
    onloadeddata: () => void;
    onerror: () => void;
    requestVideoFrameCallback(done: (now: number, frame: { mediaTime: number }) => void): void;
  };
  await new Promise<void>((loaded, failed) => {
    if (video.readyState >= 2) loaded();
    video.onloadeddata = loaded;
    video.onerror = () => failed(new Error('the browser does not play the file'));
  });
  const shown: number[] = [];
  for (const time of times)
    shown.push(
      await new Promise<number>((presented) => {
        video.requestVideoFrameCallback((_now, frame) => presented(frame.mediaTime));
        video.currentTime = time;
      }),
    );
  return shown;
}

test.runIf(existsSync(CHROMIUM))(
  'Chromium presents originals and proxies frame by frame as the table says',
  async () => {
    // Playwright's own limits are of half a minute; this test's is enough.
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'], timeout: 0 });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(0);
      for (const file of [
        `${SHARED}/cursed-vfr.mp4`,
        `${SHARED}/edts.mp4`,
        `${SHARED}/rotate-buck-bunny.mp4`,
        `${SHARED}/lf-2.avi`,
        `${FIXTURES}/animation.gif`,
        `${FIXTURES}/sound.avi`,
        `${FIXTURES}/hevc.mov`,
      ]) {
        const { pts, playable } = await probeVideo(file);
        const proxy = path.join(folder, `${path.basename(file)}.mp4`);
        if (!playable.value) await makeProxy(file, pts, proxy);
        const html = path.join(folder, 'page.html');
        const source = pathToFileURL(playable.value ? file : proxy).href;
        writeFileSync(html, `<video muted preload="auto" src="${source}"></video>`);
        await page.goto(pathToFileURL(html).href);
        const indices = [0, 1, 2, pts.length >> 1, pts.length - 1];
        const times = await page.evaluate(
          presentedTimes,
          indices.map((i) => (pts.start(i) + pts.stop(i)) / 2),
        );
        times.forEach((time, k) => expect(Math.abs(time - pts.start(indices[k])), file).toBeLessThan(0.0006));
        expect(times.map((time) => pts.frameAt(time))).toEqual(indices);
      }
    } finally {
      await browser.close();
    }
  },
);
