/** @file For tests: a copy of a model's folder that may be changed. */
import { chmod, cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { TEMPORARY } from './weight-files.ts';

/**
 * Copies a model or a fixture to `to`, which is new. Files that lie beside the weights only while another process loads them are left out:
 * they may be gone before they are read, or stay for good in the copy. The original may be read-only; the copy is not.
 */
export async function copyModel(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (file) => !TEMPORARY.test(path.basename(file)) });
  await chmod(to, 0o755);
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true }))
    await chmod(path.join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}
