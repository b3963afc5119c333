/** @file The worker's end of the protocol: receives calls, runs them, answers. A worker entry is one call of {@link serveWorker}. */
import { toPlainError } from '../platform/errors.ts';
import { CallAborted } from './protocol.ts';
import type { FromWorker, Handlers, Methods, ToWorker } from './protocol.ts';

/**
 * Serves `handlers` to the parent process until it disconnects. When the parent is gone the worker ends at once, whatever it
 * is doing: nobody is left to read its answer, and work that matters is on the disk already.
 */
export function serveWorker<M extends Methods>(handlers: Handlers<M>): void {
  if (process.send === undefined)
    throw new Error('internal: a worker is started by the workbench (child_process.fork), not by hand');
  const running = new Map<number, AbortController>();

  // Ctrl-C in a terminal reaches the whole process group; the shell decides what to stop, and how.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'call':
        void run(message.id, message.method, message.input);
        break;
      case 'abort':
        running.get(message.id)?.abort(new CallAborted(message.why));
        break;
      default:
        message satisfies never;
    }
  });
  reply({ type: 'ready' });

  async function run(id: number, method: string, input: unknown): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const handler = Object.hasOwn(handlers, method) ? handlers[method as keyof M] : undefined;
      if (handler === undefined) throw new Error(`internal: worker: no method named ${method}`);
      const value = await handler(input, {
        signal: controller.signal,
        emit: (event) => reply({ type: 'event', id, event }),
      });
      reply({ type: 'result', id, value });
    } catch (error) {
      const stack = error instanceof Error ? (error.stack ?? '') : '';
      reply({ type: 'error', id, error: toPlainError(error), stack });
    } finally {
      running.delete(id);
    }
  }
}

function reply(message: FromWorker): void {
  // A failed send means that the parent is gone; 'disconnect' ends this process.
  if (process.connected) process.send!(message, undefined, {}, () => undefined);
}
