/** @file The workers of a workbench. Each is started by its first call and ends with the workbench. */
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

  /** Another of the same kind, for the studio's preview alone: who drags a slider must not wait behind a generation's decoding. */
  readonly preview = new WorkerHost<MediaApi>({
    name: 'preview',
    entry: workerEntry('media'),
    onLog: (text) => log.info(`preview worker: ${text.trimEnd()}`),
  });

  /** Runs models (ONNX Runtime). */
  readonly engine = new WorkerHost<EngineApi>({
    name: 'engine',
    entry: workerEntry('engine'),
    onLog: (text) => log.info(`engine worker: ${text.trimEnd()}`),
  });

  /** Ends the processes. */
  async dispose(): Promise<void> {
    await Promise.all([this.media.close(), this.preview.close(), this.engine.close()]);
  }
}
