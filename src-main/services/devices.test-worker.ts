/** @file An engine worker whose graphics driver crashes or hangs, as DRIVER says. */
import type { EngineApi } from '../jobs/apis.ts';
import { serveWorker } from '../jobs/worker-side.ts';

serveWorker<Pick<EngineApi, 'devices'>>({
  devices({ only }) {
    if (only === 'cpu')
      return Promise.resolve([{ device: 'cpu', available: true, reason: 'two cores', software: false }]);
    if (process.env.DRIVER === 'crashes') process.kill(process.pid, 'SIGSEGV');
    // As a native call does, this blocks the thread.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    throw new Error('internal: expected to be ended before');
  },
});
