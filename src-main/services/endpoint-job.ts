/**
 * @file What the jobs that ask the endpoint share: rows are asked several at a time, one that fails costs only itself, an endpoint that has
 * gone away is waited for, and a job that its process left unfinished stands paused when the project is opened again.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { z } from 'zod';
import type { Job, JobKind, JobState } from '../contract/schemas.ts';
import type { EndpointClient } from '../endpoint/client.ts';
import { EndpointError } from '../endpoint/errors.ts';
import type { Kept } from '../endpoint/ledger.ts';
import type { ChatMessage } from '../endpoint/protocol.ts';
import type { JobContext } from '../jobs/queue.ts';
import { toPlainError, UserError } from '../platform/errors.ts';
import type { Workbench } from './workbench.ts';

/** Rows that fail one after the other until a job waits or gives up: the endpoint is down, or does not understand. */
const GIVE_UP_AFTER = 10;
/** Before an endpoint that is down is asked again, in milliseconds: at first, and at most after doubling. */
const FIRST_PAUSE = 2000;
const LONGEST_PAUSE = 60_000;

/** Characters of a token, about, in English. */
export const CHARS_A_TOKEN = 4;

/** Model and host as answers and histories remember them; empty where no endpoint is set up. */
export async function endpointName({ endpoint }: Workbench): Promise<string> {
  return endpoint.client().then(
    (client) => client.name,
    () => '',
  );
}

/** One row failed and others may not: why, and whether it says anything about the endpoint (what no endpoint was asked for does not). */
export class RowFailed extends Error {
  readonly counts: boolean;

  constructor(reason: string, { counts = true }: { counts?: boolean } = {}) {
    super(reason);
    this.counts = counts;
  }
}

/**
 * Asks, and reads the reply. Only a reply that can be read is kept for the next time.
 * @throws RowFailed when it is cut or cannot be read; EndpointError, UserError CANCELLED
 */
export async function askAndRead<T>(
  client: EndpointClient,
  messages: ChatMessage[],
  read: (text: string) => T | { failed: string },
  signal: AbortSignal,
): Promise<T> {
  const readWhole = ({ text, finished }: Kept): T | { failed: string } =>
    finished
      ? read(text)
      : { failed: 'expected a whole reply, got one that was cut: allow longer replies in Settings' };
  const reply = await client.ask(messages, { signal, usable: (kept) => !isFailed(readWhole(kept)) });
  const got = readWhole(reply);
  if (isFailed(got)) throw new RowFailed(got.failed);
  return got;
}

const isFailed = (got: unknown): got is { failed: string } =>
  typeof got === 'object' && got !== null && 'failed' in got;

/** How many rows failed for each reason, most first. */
export type FailedWhy = { reason: string; rows: number }[];

export type AskRows<Row> = {
  rows: Iterable<Row>;
  concurrent: number;
  /** How long to wait, in pauses that double, when many rows in a row failed for want of a reply, in milliseconds. */
  patienceMs: number;
  signal: AbortSignal;
  /** Does one row, from asking to storing. @throws RowFailed, EndpointError */
  work: (row: Row, signal: AbortSignal) => Promise<void>;
  /** Remembers why a row failed. */
  onFailed?: (row: Row, reason: string) => void;
  /** What is to be told of this run: how many rows are done, how many of them failed, and what is waited for. */
  onProgress: (done: number, told: string[]) => void;
};

/**
 * Asks for every row.
 * @throws UserError when the endpoint as a whole is of no use, is down for longer than patience lasts, or is not understood many times in
 * a row; CANCELLED
 */
export async function askRows<Row>(what: AskRows<Row>): Promise<{ failed: number; failedWhy: FailedWhy }> {
  const { rows, concurrent, patienceMs, work, onFailed, onProgress } = what;
  const reasons = new Map<string, number>();
  const over = new AbortController();
  const signal = AbortSignal.any([what.signal, over.signal]);
  const iterator = rows[Symbol.iterator]();
  let done = 0;
  let failed = 0;
  let inARow = 0;
  /** Since the last reply, in milliseconds. */
  let waited = 0;
  let pause = FIRST_PAUSE;
  /** All stand still meanwhile. */
  let pausing: Promise<void> | undefined;
  const tell = (waitingFor: string[] = []): void =>
    onProgress(done, [...(failed > 0 ? [`${failed} failed`] : []), ...waitingFor]);

  /** What ends the whole job; undefined when the next row can be tried. */
  const failure = (row: Row, error: unknown): UserError | undefined => {
    if (!(error instanceof EndpointError) && !(error instanceof RowFailed)) throw error;
    failed++;
    reasons.set(error.message, (reasons.get(error.message) ?? 0) + 1);
    onFailed?.(row, error.message);
    if (error instanceof EndpointError && error.concerns === 'endpoint') return error;
    if (error instanceof RowFailed && !error.counts) return undefined;
    if (++inARow < GIVE_UP_AFTER) return undefined;
    const { hint } = toPlainError(error);
    return new UserError(
      'UNAVAILABLE',
      `${inARow} questions in a row failed, the last one so: ${error.message}`,
      `${error instanceof EndpointError ? hint : 'Another model may understand what is asked.'} Then start again: what is done is kept, and it goes on with the rest.`,
    );
  };
  const sitOut = async (): Promise<void> => {
    tell([`waiting for the endpoint, asked again in ${Math.round(pause / 1000)} s`]);
    await wait(pause, undefined, { signal }).catch(() => undefined); // who cancels is told below
    waited += pause;
    pause = Math.min(LONGEST_PAUSE, 2 * pause);
    pausing = undefined;
  };
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      await pausing;
      if (signal.aborted) throw new UserError('CANCELLED', 'Cancelled.');
      try {
        await work(next.value, signal);
        inARow = 0;
        waited = 0;
        pause = FIRST_PAUSE;
        done++;
      } catch (error) {
        if (signal.aborted) throw error;
        const end = failure(next.value, error);
        const mayPass = error instanceof EndpointError && error.concerns !== 'endpoint';
        if (end && (!mayPass || waited >= patienceMs)) throw end;
        done++;
        if (end) {
          pausing ??= sitOut();
          continue;
        }
      }
      tell();
    }
  };
  let first: Error | undefined;
  await Promise.all(
    Array.from({ length: concurrent }, () =>
      worker().catch((error: unknown) => {
        // The first failure is the one to tell; the others end because of it.
        first ??= error instanceof Error ? error : new Error(String(error));
        over.abort();
      }),
    ),
  );
  if (first !== undefined) throw first;
  const failedWhy = [...reasons].map(([reason, n]) => ({ reason, rows: n })).sort((a, b) => b.rows - a.rows);
  return { failed, failedWhy };
}

export type EndpointJob<Report> = {
  kind: Extract<z.infer<typeof JobKind>, 'judge' | 'rewrite'>;
  title: string;
  request: unknown;
  run: (context: JobContext) => Promise<Report>;
};

/** Puts a job in line. `restored`: the id of one that an earlier process left; it waits, paused. */
export function enqueueEndpointJob<Report>(
  workbench: Workbench,
  { kind, title, request, run }: EndpointJob<Report>,
  restored?: string,
): Job {
  const { db } = workbench.requireProject();
  let id = restored;
  const { job } = workbench.jobs.enqueue({
    kind,
    title,
    lane: 'endpoint',
    pausable: true,
    restored: restored === undefined ? undefined : { id: restored, paused: true },
    onState: (state, why) => {
      // What the closing of the project ends stands paused when it is opened again.
      if (id !== undefined && why !== 'close') setState(workbench, id, state);
    },
    run,
    result: (report) => report,
  });
  if (id === undefined) {
    ({ id } = job);
    const row = { id, kind, request: JSON.stringify(request), state: job.state, created_at: Date.now() };
    db.insert('endpoint_jobs', row);
  }
  return job;
}

function setState(workbench: Workbench, id: string, state: z.infer<typeof JobState>): void {
  workbench.requireProject().db.prepare('UPDATE endpoint_jobs SET state = ? WHERE id = ?').run(state, id);
}

/** Jobs of this kind that an earlier process left, oldest first. */
export function leftEndpointJobs(
  workbench: Workbench,
  kind: EndpointJob<unknown>['kind'],
): { id: string; request: unknown }[] {
  return workbench
    .requireProject()
    .db.prepare<{ id: string; request: string }>(
      `SELECT id, request FROM endpoint_jobs WHERE kind = ? AND state IN ('queued', 'running', 'paused') ORDER BY created_at, rowid`,
    )
    .all(kind)
    .filter(({ id }) => {
      const state = workbench.jobs.get(id)?.state;
      // Where the project was open already its jobs are in line.
      return state !== 'queued' && state !== 'running' && state !== 'paused';
    })
    .map(({ id, request }) => ({ id, request: JSON.parse(request) as unknown }));
}
