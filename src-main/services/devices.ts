/** @file Which devices there are, looked for once per process in a short-lived process of its own. */
import type { DeviceReport } from '../contract/schemas.ts';
import type { EngineApi } from '../jobs/apis.ts';
import { WorkerHost } from '../jobs/worker-host.ts';
import { workerEntry } from '../platform/entries.ts';
import { toPlainError } from '../platform/errors.ts';

/** Options of {@link lookForDevices}. */
export type LookOptions = {
  /** The worker's entry module. @default the engine worker's */
  entry?: string;
  /** Extra environment, e.g. a software driver. */
  env?: Record<string, string>;
  /** Milliseconds until the graphics driver is given up. @default 60000 */
  timeoutMs?: number;
};

let report: Promise<DeviceReport[]> | undefined;

/** As {@link lookForDevices}, remembered for the life of this process. */
export function listDevices(): Promise<DeviceReport[]> {
  report ??= lookForDevices().catch((error: unknown) => {
    report = undefined; // a failed look is not remembered
    throw error;
  });
  return report;
}

/**
 * Tries each device in a worker of its own. A graphics driver that crashes or hangs must not take a running job with it, and is
 * itself an answer: then the CPU alone is looked at again.
 */
export async function lookForDevices(options: LookOptions = {}): Promise<DeviceReport[]> {
  const { entry = workerEntry('engine'), env, timeoutMs = 60_000 } = options;
  const worker = new WorkerHost<EngineApi>({ name: 'device check', entry, env });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    // A driver that hangs blocks the worker's thread, so waiting for it to stop by itself is of no use.
    return await worker.call('devices', { only: null }, { signal, graceMs: 0 });
  } catch (error) {
    const plain = toPlainError(error);
    const why = signal.aborted
      ? `trying it took longer than ${timeoutMs / 1000} s`
      : `trying it ended the process (${plain.message})`;
    if (!signal.aborted && plain.code !== 'WORKER_DIED' && plain.code !== 'OUT_OF_MEMORY') throw error;
    const cpu = await worker.call('devices', { only: 'cpu' });
    const reason = `the graphics driver may be broken: ${why}`;
    return [...cpu, { device: 'webgpu', available: false, reason, software: false }];
  } finally {
    await worker.close();
  }
}
