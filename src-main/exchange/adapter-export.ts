/** @file A trained adapter out of a project: the PEFT folder as it is, or merged into its base as one checkpoint; whole or not at all. */
import { cp, readdir } from 'node:fs/promises';
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, readAdapter } from '../align/adapter.ts';
import { writeMergedCheckpoint } from '../align/merge.ts';
import type { MergeOptions } from '../align/merge.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import { UserError } from '../platform/errors.ts';
import { intoNewFolder } from './new-folder.ts';

/** Without these two a folder is no PEFT adapter. */
const REQUIRED = [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE];

/**
 * Copies an adapter folder to `target`, which may exist if it is empty.
 * @throws UserError NOT_FOUND (the adapter is incomplete), CONFLICT (the target has files), DISK_FULL.
 */
export async function exportAdapter(adapterDir: string, target: string): Promise<{ path: string }> {
  const names = await readdir(adapterDir).catch(() => [] as string[]);
  const missing = REQUIRED.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new UserError(
      'NOT_FOUND',
      `export: expected an adapter in ${adapterDir}, got a folder without ${missing.join(' and ')}`,
      'Let the run finish or stop it with saving, then export again.',
    );
  return { path: await intoNewFolder(target, (folder) => cp(adapterDir, folder, { recursive: true })) };
}

/**
 * Writes the base model with the adapter merged in to `target`, which may exist if it is empty: a Hugging Face checkpoint that needs no
 * adapter. Reads and sums every weight: not for the shell's process.
 * @throws UserError as {@link exportAdapter} does, and when the adapter does not fit the model
 */
export async function exportMerged(
  { modelDir, adapterDir, target }: { modelDir: string; adapterDir: string; target: string },
  options: MergeOptions = {},
): Promise<{ path: string; bytes: number }> {
  const checkpoint = await openCheckpoint(modelDir);
  const adapter = await readAdapter(adapterDir, checkpoint.config);
  const written = await intoNewFolder(target, (folder) =>
    writeMergedCheckpoint(folder, checkpoint, adapter, options),
  );
  return { path: written, bytes: checkpoint.bytes };
}
