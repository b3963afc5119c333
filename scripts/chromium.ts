/** @file Finds a Chromium-family browser on this machine; installs Debian's when that is possible and asked for. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';

const CANDIDATES: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
};

/** A browser, or null with the reason and what to do. The environment variable CHROMIUM_PATH wins. */
export function findChromium(): { value: string; reason: string } | { value: null; reason: string } {
  const override = process.env['CHROMIUM_PATH'];
  if (override)
    return existsSync(override)
      ? { value: override, reason: 'CHROMIUM_PATH' }
      : { value: null, reason: `CHROMIUM_PATH names ${override}, which does not exist` };
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  for (const name of CANDIDATES[process.platform] ?? []) {
    for (const file of path.isAbsolute(name) ? [name] : folders.map((f) => path.join(f, name))) {
      if (executable(file)) return { value: file, reason: 'found on this machine' };
    }
  }
  return {
    value: null,
    reason:
      'no Chromium, Chrome or Edge found — install one (Debian: apt-get install chromium) or set CHROMIUM_PATH',
  };
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** {@link findChromium}, and where there is none, Debian's package when this user may install it. */
export function ensureChromium(): string {
  const found = findChromium();
  if (found.value) return found.value;
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log('Chromium is missing: installing Debian’s package.');
    const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
    // A mirror may fail for a moment, and the system's own updates may hold the lock.
    const apt = ['-qq', '-o', 'Acquire::Retries=5', '-o', 'DPkg::Lock::Timeout=300'];
    execFileSync('apt-get', [...apt, 'update'], options);
    execFileSync(
      'apt-get',
      [...apt, 'install', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation', 'libvulkan1'],
      options,
    );
    const now = findChromium();
    if (now.value) return now.value;
  }
  throw new Error(found.reason);
}

/** Start options with which a headless browser behaves the same on every machine, also as root in a container. */
export const HEADLESS_ARGS = [
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  ...(process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];
