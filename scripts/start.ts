/**
 * @file `npm start`: builds, then opens the workbench in Electron; where Electron's binary cannot be had, says so in one
 * line and opens the same workbench through `serve` in the system's browser.
 */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { startServer } from '../src-main/serve.ts';
import { Workbench } from '../src-main/services/workbench.ts';
import { findChromium } from './chromium.ts';
import { fetchElectron, INSTALL_COMMAND } from './electron-binary.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

function build(): void {
  const vite = path.join(ROOT, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
  const result = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

build();
const electron = fetchElectron();
if (electron.value) {
  const args = process.platform === 'linux' && process.getuid?.() === 0 ? [ROOT, '--no-sandbox'] : [ROOT];
  spawn(electron.value, args, { stdio: 'inherit' }).on('exit', (code) => process.exit(code ?? 1));
} else {
  console.log(
    `Electron's binary is not here (${electron.reason}); \`${INSTALL_COMMAND}\` fetches it. Opening the workbench in the browser instead.`,
  );
  const workbench = new Workbench('serve');
  const server = await startServer({ workbench });
  console.log(`The workbench is at ${server.url}  (Ctrl+C ends it)`);
  openBrowser(server.url);
  const stop = (): void => {
    void server
      .close()
      .then(() => workbench.dispose())
      .finally(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

/** Opens an application window of the system's Chromium, or says why none opens. */
function openBrowser(url: string): void {
  const browser = findChromium();
  const display = process.platform !== 'linux' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  if (!browser.value) console.log(`Open that address yourself: ${browser.reason}.`);
  else if (!display)
    console.log('Open that address in a browser on this machine: no display is attached here.');
  else
    spawn(browser.value, [`--app=${url}`, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])], {
      stdio: 'ignore',
      detached: true,
    }).unref();
}
