/** @file Checker of shared raw frames: that the bytes other fixtures read are the ones their numbers were made from. */
import { createHash } from 'node:crypto';
import { exactRow, isArrayEntry, readBytes } from './compare.ts';
import type { Checker } from './types.ts';

/** Fixtures that only hold frames: sizes and SHA-256. */
export const frames: Checker = {
  matches: (m) => typeof m.frames === 'object' && m.frames !== null && !('cases' in m),
  async *check(dir, manifest) {
    for (const [name, entry] of Object.entries(manifest.frames as Record<string, { sha256?: string }>)) {
      if (!isArrayEntry(entry)) continue;
      const bytes = await readBytes(dir, entry);
      const digest = createHash('sha256').update(bytes).digest('hex');
      yield exactRow(`${name} sha256`, digest, entry.sha256 ?? digest);
    }
  },
};
