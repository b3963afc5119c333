/**
 * @file What every command shares: a workbench of its own, called through the same routes as the window, progress on stderr, Ctrl-C,
 * and an exit code.
 */
import { ORPCError, createRouterClient } from '@orpc/server';
import type { RouterClient } from '@orpc/server';
import type { Job } from '../contract/schemas.ts';
import { UserError, fromPlainError, toPlainError } from '../platform/errors.ts';
import type { PlainError } from '../platform/errors.ts';
import { createRouter } from '../services/router.ts';
import { Workbench } from '../services/workbench.ts';
import { EXIT } from './exit-codes.ts';
import { Output, exitCodeOf } from './output.ts';

/** What a command works with. */
export type Session = {
  workbench: Workbench;
  /** The contract, called in this process. */
  client: RouterClient<ReturnType<typeof createRouter>>;
  output: Output;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** Waits for a job, showing its progress; gives its result. @throws what made it fail; CANCELLED when it was cancelled */
  follow: (job: Job) => Promise<unknown>;
};

/** Options that every command has. */
export type CommonOptions = { json?: boolean };

/**
 * Runs a command and returns its exit code. Ctrl-C cancels what runs (a training saves first) and is exit code 130; a second one ends
 * the process at once. A command for which Ctrl-C is the usual end returns its own code.
 */
export async function runCommand(
  options: CommonOptions,
  command: (session: Session) => Promise<number | void>,
): Promise<number> {
  const output = new Output({ json: options.json ?? false });
  const workbench = new Workbench('cli');
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.cancelled);
    output.note('Stopping; what is done is kept. Ctrl-C again ends at once.');
    controller.abort();
    workbench.jobs.cancelAll('save');
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const listening = new AbortController();
  void listen(workbench, output, listening.signal);
  try {
    const code = await command({
      workbench,
      client: createRouterClient(createRouter(workbench)),
      output,
      signal: controller.signal,
      follow: (job) => follow(workbench, job),
    });
    return code ?? (controller.signal.aborted ? EXIT.cancelled : EXIT.ok);
  } catch (thrown) {
    const error = controller.signal.aborted ? new UserError('CANCELLED', 'Stopped.') : fromRoute(thrown);
    output.fail(error);
    return exitCodeOf(error);
  } finally {
    listening.abort();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await workbench.dispose();
  }
}

async function listen(workbench: Workbench, output: Output, signal: AbortSignal): Promise<void> {
  for await (const event of workbench.hub.subscribe(signal)) if (event.type === 'job') output.job(event.job);
}

async function follow(workbench: Workbench, { id }: Job): Promise<unknown> {
  const job = await workbench.jobs.ended(id);
  if (job.error !== null) throw fromPlainError(job.error as PlainError);
  return job.result;
}

/** The error behind what a route threw. */
function fromRoute(thrown: unknown): unknown {
  if (!(thrown instanceof ORPCError)) return thrown;
  if (thrown.code === 'USER_ERROR') return fromPlainError(thrown.data as PlainError);
  // Input that fails validation carries the issues, each with its place.
  const issues = (thrown.data as { issues?: { path?: unknown[]; message: string }[] } | undefined)?.issues;
  if (thrown.code === 'BAD_REQUEST' && issues !== undefined)
    return new UserError(
      'BAD_INPUT',
      issues.map((i) => `${(i.path ?? []).join('.')}: ${i.message}`).join('; '),
    );
  return new Error(`internal: ${thrown.message}: ${toPlainError(thrown.cause).message}`, { cause: thrown });
}
