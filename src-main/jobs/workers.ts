/** @file The two workers of a workbench. Each is started by its first call and ends with the workbench. */
import { log } from '../platform/log.ts';
import { workerEntry } from '../platform/entries.ts';
import type { EngineApi, MediaApi } from './apis.ts';
import { WorkerHost } from './worker-host.ts';

export class Workers {
  /** Decodes video (FFmpeg). */
  readonly media = new WorkerHost<MediaApi>({
    name: 'media',
    entry: workerEntry('media'),
    onLog: (text) => log.info(`media worker: ${text.trimEnd()}`),
  });

  /** Runs models (ONNX Runtime). */
  readonly engine = new WorkerHost<EngineApi>({
    name: 'engine',
    entry: workerEntry('engine'),
    onLog: (text) => log.info(`engine worker: ${text.trimEnd()}`),
  });

  /** Ends both processes. */
  async dispose(): Promise<void> {
    await Promise.all([this.media.close(), this.engine.close()]);
  }
}
