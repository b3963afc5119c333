/**
 * @file Finds Chromium's software Vulkan driver (SwiftShader), with which the WebGPU path runs on machines without a GPU:
 * slow, but the same code. Chromium and Electron ship it beside their binary. Tests and CI use it.
 */
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ICD = 'vk_swiftshader_icd.json';

/** Folders in which the driver's manifest was found on the systems we know, best first. */
function candidates(): string[] {
  const folders = [
    process.env.CHROMIUM_DIR,
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/usr/lib64/chromium-browser',
    '/opt/google/chrome',
    '/snap/chromium/current/usr/lib/chromium-browser',
  ];
  for (const binary of ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']) {
    if (existsSync(binary)) folders.push(path.dirname(realpathSync(binary)));
  }
  return folders.filter((folder): folder is string => folder !== undefined);
}

/**
 * Environment that makes Vulkan use SwiftShader, with the reason when there is none. The variables are read when a process
 * loads Vulkan, so set them for a new process; they have no effect on a running one.
 */
export function swiftshaderEnvironment(): { value: Readonly<Record<string, string>> | null; reason: string } {
  for (const folder of candidates()) {
    const icd = path.join(folder, ICD);
    if (existsSync(icd)) {
      // Vulkan's loader and Dawn want a writable runtime folder; containers often have none.
      const runtime = process.env.XDG_RUNTIME_DIR ?? tmpdir();
      return { value: { VK_ICD_FILENAMES: icd, XDG_RUNTIME_DIR: runtime }, reason: `found ${icd}` };
    }
  }
  return {
    value: null,
    reason: `${ICD} was not found beside a Chromium binary — install Chromium (Debian: apt-get install chromium libvulkan1) or set CHROMIUM_DIR to its folder`,
  };
}
