/** @file `rrpo-workbench export`: pairs to a file, or an adapter, alone or merged into its model, to a folder. */
import path from 'node:path';
import type { z } from 'zod';
import type { ImportFormat, PairStatus } from '../contract/schemas.ts';
import type { CommonOptions, Session } from './session.ts';

export type ExportOptions = CommonOptions & {
  format: z.infer<typeof ImportFormat>;
  status: z.infer<typeof PairStatus> | 'all';
  adapter?: string;
  merged?: string;
};

export async function exportCommand(
  session: Session,
  [folder, target]: string[],
  options: ExportOptions,
): Promise<void> {
  const { client, output, follow } = session;
  await client.project.open({ path: path.resolve(folder) });
  const destination = path.resolve(target);
  if (options.adapter !== undefined) {
    const done = await client.exchange.exportAdapter({ runId: options.adapter, path: destination });
    output.result(done, `Adapter written to ${done.path}`);
    return;
  }
  if (options.merged !== undefined) {
    const job = await client.exchange.exportMerged({ runId: options.merged, path: destination });
    const done = (await follow(job)) as { path: string; bytes: number };
    output.result(done, `Model written to ${done.path} (${(done.bytes / 1e6).toFixed(1)} MB of weights)`);
    return;
  }
  const done = await client.exchange.exportPairs({
    path: destination,
    format: options.format,
    status: options.status === 'all' ? undefined : options.status,
  });
  output.result(done, `${done.count} pairs written to ${done.path}`);
}
