/**
 * @file End-to-end tests: one set of specs, through `serve` in Chromium everywhere, and through Electron as well where
 * its binary is present.
 */
import { defineConfig } from '@playwright/test';
import { findChromium, HEADLESS_ARGS } from './scripts/chromium.ts';
import { findElectron } from './scripts/electron-binary.ts';

const chromium = findChromium();

export default defineConfig({
  testDir: 'e2e',
  // The story trains a model: one worker, so that tests do not fight for two cores.
  workers: 1,
  fullyParallel: false,
  timeout: 300_000,
  expect: { timeout: 20_000 },
  retries: 0,
  reporter: 'list',
  use: {
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    // For both: some specs have a browser beside Electron's window, and none may look for one that Playwright brought.
    launchOptions: { ...(chromium.value ? { executablePath: chromium.value } : {}), args: HEADLESS_ARGS },
  },
  projects: [{ name: 'serve' }, ...(findElectron().value ? [{ name: 'electron' }] : [])],
});
