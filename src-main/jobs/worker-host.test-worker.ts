/** @file A worker for tests: each method misbehaves in one way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../platform/errors.ts';
import type { CallAborted } from './protocol.ts';
import { serveWorker } from './worker-side.ts';

export type TestApi = {
  double: { input: Float32Array; output: Float32Array; event: never };
  count: { input: { to: number; everyMs: number }; output: { reached: number; why: string }; event: number };
  fail: { input: 'user' | 'bug' | 'cancel'; output: never; event: never };
  block: { input: { ms: number }; output: null; event: string };
  exit: { input: number; output: never; event: never };
  exhaust: { input: null; output: never; event: never };
  identity: { input: null; output: { node: string; electron: string | undefined }; event: never };
};

serveWorker<TestApi>({
  double: (input) => Promise.resolve(input.map((x) => 2 * x)),
  async count({ to, everyMs }, { signal, emit }) {
    for (let i = 1; i <= to; i++) {
      await sleep(everyMs);
      emit(i);
      if (signal.aborted) return { reached: i, why: (signal.reason as CallAborted).why };
    }
    return { reached: to, why: '' };
  },
  fail: (kind) =>
    Promise.reject(
      kind === 'user'
        ? new UserError('CORRUPT', 'clip.mp4: expected a moov box, got none', 'Copy the file again.')
        : kind === 'cancel'
          ? new DOMException('stopped', 'AbortError')
          : new TypeError('internal: bug in the worker'),
    ),
  block({ ms }, { emit }) {
    emit('blocking');
    const end = Date.now() + ms;
    // Blocks after the event has left, as a native call would.
    return sleep(20).then(() => {
      while (Date.now() < end);
      return null;
    });
  },
  exit: (code) => {
    process.stderr.write('goodbye\n');
    process.exit(code);
  },
  exhaust: async () => {
    const hoard: number[][] = [];
    for (;;) {
      hoard.push(Array.from({ length: 1e6 }, (_, i) => i + hoard.length));
      await sleep(0);
    }
  },
  identity: () => Promise.resolve({ node: process.version, electron: process.versions.electron }),
});
