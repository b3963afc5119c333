/** @file Whether Electron's binary is here. Its npm package carries none: it is fetched at first use, where that is possible. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
/** What a person types to fetch it. */
export const INSTALL_COMMAND = 'npx install-electron';

/** Path of the binary, or null with the reason. Never downloads. */
export function findElectron(): { value: string; reason: string } | { value: null; reason: string } {
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  const folder = path.dirname(require.resolve('electron/package.json'));
  const pathFile = path.join(folder, 'path.txt');
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8').trim() : 'electron';
  const file = override ? path.join(override, name) : path.join(folder, 'dist', name);
  if (existsSync(file))
    return { value: file, reason: override ? 'ELECTRON_OVERRIDE_DIST_PATH' : 'installed' };
  return { value: null, reason: `${file} does not exist` };
}

/** {@link findElectron}, trying to fetch the binary once when it is missing. */
export function fetchElectron(timeoutMs = 180_000): ReturnType<typeof findElectron> {
  const found = findElectron();
  if (found.value) return found;
  const script = path.join(path.dirname(require.resolve('electron/package.json')), 'install.js');
  const run = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: timeoutMs });
  const again = findElectron();
  if (again.value) return again;
  const why = /(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|HTTPError[^\n]*|Error: [^\n]*)/.exec(
    `${run.stderr}${run.stdout}`,
  );
  return {
    value: null,
    reason: `its download failed: ${why?.[1] ?? run.error?.message ?? 'no reason given'}`,
  };
}
