/**
 * @file A project of given clips behind a real `serve`, made through the same calls as the window's; for specs that need clips of their
 * own. The server runs in the test's process, its workers in theirs.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient, type RouterClient } from '@orpc/server';
import type { Page } from '@playwright/test';
import { startServer } from '../src-main/serve.ts';
import { createRouter } from '../src-main/services/router.ts';
import { Workbench } from '../src-main/services/workbench.ts';
import { BITS, BLOCK, HEIGHT, WIDTH } from './numbered.ts';

/** An open project and the calls of its window. */
export type ClipProject = {
  client: RouterClient<ReturnType<typeof createRouter>>;
  workbench: Workbench;
  folder: string;
  url: string;
  /** Video ids by file name. */
  videos: Map<string, string>;
  close(): Promise<void>;
};

/** Makes a project, imports the clips that `write` puts into its folder, and one pending pair for each, in that order. */
export async function openClipProject(write: (folder: string) => Promise<string[]>): Promise<ClipProject> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'rrpo-clips-'));
  process.env['RRPO_WORKBENCH_HOME'] = path.join(home, 'user');
  const files = await write(home);
  const workbench = new Workbench('serve');
  const client = createRouterClient(createRouter(workbench), { context: {} });
  const server = await startServer({ workbench });
  await client.project.create({ path: path.join(home, 'project'), name: 'Clips' });
  await client.library.addVideos({ paths: files });
  const rows = files.map((file) => `"${file}",What is seen in ${path.basename(file)}?,A square,A circle`);
  const csv = path.join(home, 'pairs.csv');
  await writeFile(csv, ['video,question,chosen,rejected', ...rows].join('\n'));
  await client.library.runImport({ path: csv });
  await workbench.jobs.idle();
  const videos = new Map((await client.library.videos()).map((video) => [video.name, video.id]));
  return {
    client,
    workbench,
    folder: home,
    url: server.url,
    videos,
    close: async () => {
      await server.close();
      await workbench.dispose();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** What was on screen when the page presented one picture. */
export type Presented = {
  /** Read from the pixels of the clip; -1 when they are no number. */
  picture: number;
  /** The readout beside it. */
  readout: number;
  /** Read from the pixels of the perturbed clip, -1 when there is none. */
  beside: number;
  /** The media clock, seconds. */
  time: number;
};

declare global {
  interface Window {
    readNumber(source: CanvasImageSource): number;
    readScreen(): Omit<Presented, 'time'>;
    /** What each picture was, for so long and until there were `least`, however slow the machine; or until the readout says `last`. */
    watchScreen(milliseconds: number, least: number, last?: number): Promise<Presented[]>;
  }
}

/** Milliseconds more that pictures may take to come. */
const PATIENCE = 20_000;

/** Gives the page functions that read numbers off the screen; call before it loads. */
export async function installReaders(page: Page): Promise<void> {
  await page.addInitScript(
    ({ bits, block, width, height, patience }) => {
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext('2d', { willReadFrequently: true })!;
      window.readNumber = (source) => {
        context.clearRect(0, 0, width, height);
        context.drawImage(source, 0, 0, width, height);
        const { data } = context.getImageData(0, 0, width, height);
        const bright = (index: number): number => {
          const x = (index % (width / block)) * block + block / 2;
          const y = Math.floor(index / (width / block)) * block + block / 2;
          return data[(y * width + x) * 4 + 1];
        };
        let number = 0;
        for (let bit = 0; bit < bits; bit++) {
          const [on, off] = [bright(bit), bright(bit + bits)];
          if (Math.abs(on - off) < 90) return -1;
          if (on > off) number |= 1 << bit;
        }
        return number;
      };
      const find = (id: string): Element | null => document.querySelector(`[data-testid=${id}]`);
      window.readScreen = () => {
        const picture = find('player-picture') as HTMLCanvasElement | null;
        const beside = find('perturbed-picture') as HTMLCanvasElement | null;
        return {
          picture: picture && picture.width > 1 ? window.readNumber(picture) : -1,
          readout: Number(find('frame-number')?.textContent ?? -1),
          beside: beside && beside.width > 1 ? window.readNumber(beside) : -1,
        };
      };
      window.watchScreen = (milliseconds, least, last = Infinity) =>
        new Promise((resolve) => {
          const seen: Presented[] = [];
          const video = find('video-player') as HTMLVideoElement;
          const begun = performance.now();
          let handle = 0;
          const end = (): void => {
            clearInterval(watch);
            video.cancelVideoFrameCallback(handle);
            resolve(seen);
          };
          const onFrame: VideoFrameRequestCallback = (_, { mediaTime }) => {
            handle = video.requestVideoFrameCallback(onFrame);
            seen.push({ ...window.readScreen(), time: mediaTime });
            if (seen.at(-1)!.readout >= last) end();
          };
          const watch = setInterval(() => {
            const watched = performance.now() - begun;
            if (watched > milliseconds + (seen.length < least ? patience : 0)) end();
          }, 20);
          handle = video.requestVideoFrameCallback(onFrame);
        });
    },
    { bits: BITS, block: BLOCK, width: WIDTH, height: HEIGHT, patience: PATIENCE },
  );
}
