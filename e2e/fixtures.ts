/**
 * @file Starts the real workbench behind either door, with its own user folder, and gives a spec its page. What a spec
 * does is the same for both doors.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test';
import { findElectron } from '../scripts/electron-binary.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

/** A running workbench. */
export type App = {
  page: Page;
  /** Its user folder: the sample project and the recent list live here. */
  home: string;
  /** Ends the host process at once (SIGKILL) and opens the workbench again on the same folder. */
  killAndReopen(): Promise<void>;
};

type Host = { open(page: Page | null): Promise<Page>; kill(): Promise<void>; stop(): Promise<void> };
/** A host behind the loopback door, with the address that opens its window. */
export type ServeHost = Host & { url: string };

export async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => child.once('exit', () => resolve()));
}

/** The command line, as a person starts it. `home` is its user folder. */
export function startCli(home: string, args: string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, [path.join(ROOT, 'bin', 'rrpo-workbench.mjs'), ...args], {
    cwd: ROOT,
    env: { ...process.env, RRPO_WORKBENCH_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Starts `serve` with its own user folder, on a project or on none. */
export async function startServe(
  home: string,
  project: string | null = null,
  env: Record<string, string> = {},
): Promise<ServeHost> {
  const child = startCli(home, ['serve', ...(project ? [project] : []), '--port', '0', '--json'], env);
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = /"url":\s*"([^"]+)"/.exec(text);
      if (match) resolve(match[1]);
    });
    child.once('exit', (code) =>
      reject(new Error(`serve ended with code ${code} before it was ready: ${text}`)),
    );
  });
  return {
    url,
    open: async (page) => {
      await page!.goto(url);
      return page!;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited(child);
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited(child);
    },
  };
}

async function startElectron(home: string): Promise<Host> {
  const binary = findElectron();
  if (!binary.value) throw new Error(`Electron project without a binary: ${binary.reason}`);
  const app: ElectronApplication = await _electron.launch({
    executablePath: binary.value,
    // Chromium's sandbox refuses to run as root, as in a container.
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ROOT],
    env: { ...(process.env as Record<string, string>), RRPO_WORKBENCH_HOME: home },
  });
  return {
    open: () => app.firstWindow(),
    kill: async () => {
      app.process().kill('SIGKILL');
      await exited(app.process());
    },
    stop: () => app.close(),
  };
}

export const test = base.extend<{ app: App }>({
  app: async ({ page: blank }, use, info) => {
    const home = await mkdtemp(path.join(os.tmpdir(), 'rrpo-e2e-'));
    const start = info.project.name === 'electron' ? startElectron : startServe;
    let host = await start(home);
    const app: App = {
      page: await host.open(blank),
      home,
      killAndReopen: async () => {
        await host.kill();
        host = await start(home);
        app.page = await host.open(blank);
      },
    };
    await use(app);
    await host.stop();
    await rm(home, { recursive: true, force: true });
  },
});
/** A picture in both schemes and sizes, left in the folder that RRPO_SHOTS names; nothing where it is not set. */
export async function shoot(page: Page, look: string): Promise<void> {
  const folder = process.env['RRPO_SHOTS'];
  if (folder === undefined) return;
  for (const colorScheme of ['light', 'dark'] as const)
    for (const [width, height] of [
      [1440, 900],
      [1024, 700],
    ]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(250);
      await page.screenshot({ path: path.join(folder, `${look}-${colorScheme}-${width}x${height}.png`) });
    }
  await page.setViewportSize({ width: 1440, height: 900 });
}
export { expect } from '@playwright/test';
