/**
 * @file The queue of everything that takes more than a moment. Jobs of one lane run in the order they came, a fixed number at a
 * time: the engine takes one (a second model in memory helps nobody), media two.
 */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Job, JobKind } from '../contract/schemas.ts';
import { UserError, toPlainError } from '../platform/errors.ts';
import { ProgressEstimator } from './eta.ts';
import type { JobJournal } from './journal.ts';

/** What a job mainly uses. `shell`: neither worker, for example an import of text. */
export type Lane = 'engine' | 'media' | 'shell';

/** Jobs that may run at the same time, by lane. */
export const LANES: Readonly<Record<Lane, number>> = { engine: 1, media: 2, shell: 2 };

/** What a running job is given. */
export type JobContext = {
  /** This job's id. */
  id: string;
  /** Aborted by cancel; `reason` is the word given to {@link JobQueue.cancel}. */
  signal: AbortSignal;
  /** Tells how far it is, as a fraction 0..1, and optionally what it is doing. */
  progress: (fraction: number, detail?: string) => void;
  /** Tells that an earlier job had done this fraction: it is shown, and does not count as this one's speed. */
  continuing: (fraction: number) => void;
};

/** A job to be done. */
export type JobSpec<T> = {
  kind: z.infer<typeof JobKind>;
  title: string;
  lane: Lane;
  run: (context: JobContext) => Promise<T>;
  /** What of the outcome is shown in `job.result` (validated by the window, so plain JSON). @default nothing */
  result?: (value: T) => unknown;
};

/** A job in the queue: its present state, and a promise of its outcome. */
export type JobHandle<T> = { job: Job; done: Promise<T> };

type Entry = {
  job: Job;
  lane: Lane;
  controller: AbortController;
  start: () => void;
  estimator: ProgressEstimator;
};

/** Progress reports closer together than this many milliseconds are merged into one event. */
const REPORT_EVERY_MS = 100;

/** Runs jobs, remembers them, and reports every change. */
export class JobQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #earlier = new Map<string, Job>();
  readonly #running: Record<Lane, number> = { engine: 0, media: 0, shell: 0 };
  readonly #onChange: (job: Job) => void;
  #journal: JobJournal | undefined;
  #closed = false;

  /** `onChange` gets a copy of the job after every change. */
  constructor(onChange: (job: Job) => void = () => undefined) {
    this.#onChange = onChange;
  }

  /** Forgets all jobs (none may be under way), reads those of earlier processes, and keeps the coming ones in `journal`. */
  async attach(journal: JobJournal): Promise<void> {
    this.#forget();
    this.#journal = journal;
    for (const job of await journal.load()) this.#earlier.set(job.id, job);
  }

  /** Writes the last state and forgets all jobs; without a journal jobs last as long as the process. */
  async detach(): Promise<void> {
    await this.#journal?.save(this.list());
    this.#forget();
    this.#journal = undefined;
  }

  #forget(): void {
    if (this.#open()) throw new Error('internal: job queue: expected no open jobs; stop() comes first');
    this.#entries.clear();
    this.#earlier.clear();
  }

  /** All known jobs, oldest first. */
  list(): Job[] {
    return [...this.#earlier.values(), ...[...this.#entries.values()].map(present)];
  }

  /** One job, or undefined. */
  get(id: string): Job | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined ? this.#earlier.get(id) : present(entry);
  }

  /** Puts a job in line; it starts at once when its lane is free. `done` may be ignored: failures are kept in the job. */
  enqueue<T>(spec: JobSpec<T>): JobHandle<T> {
    if (this.#closed) throw new Error('internal: job queue: enqueue after close');
    const job: Job = {
      id: randomUUID(),
      kind: spec.kind,
      title: spec.title,
      state: 'queued',
      progress: null,
      secondsLeft: null,
      detail: '',
      error: null,
      startedAt: null,
      endedAt: null,
    };
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const entry: Entry = {
      job,
      lane: spec.lane,
      controller: new AbortController(),
      start,
      estimator: new ProgressEstimator(),
    };
    this.#entries.set(job.id, entry);
    const done = started.then(() => this.#run(entry, spec));
    done.catch(() => undefined); // told in the job; an unheard promise must not end the process
    this.#changed(entry, true);
    this.#fill(spec.lane);
    return { job: present(entry), done };
  }

  /** Cancels a job; does nothing when it has ended. `why` reaches the job as `signal.reason`. */
  cancel(id: string, why = 'cancel'): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      if (this.#earlier.has(id)) return;
      throw new UserError('NOT_FOUND', `Job ${id}: expected one of this project, got an unknown id.`);
    }
    if (entry.job.endedAt !== null) return;
    entry.controller.abort(why);
    if (entry.job.state === 'queued') entry.start(); // it ends as cancelled without ever running
  }

  /** Cancels every job that has not ended. */
  cancelAll(why = 'close'): void {
    for (const entry of [...this.#entries.values()]) this.cancel(entry.job.id, why);
  }

  /** Resolves once no job runs or waits; jobs that a job starts as its last act are waited for too. */
  async idle(): Promise<void> {
    for (let open = this.#open(); open; open = this.#open()) await this.ended(open.job.id);
  }

  /** Cancels every job, those that a job still starts while it ends included, and resolves once none is left. */
  async stop(why = 'close'): Promise<void> {
    for (let open = this.#open(); open; open = this.#open()) {
      this.cancelAll(why);
      await this.ended(open.job.id);
    }
  }

  #open(): Entry | undefined {
    return [...this.#entries.values()].find((entry) => entry.job.endedAt === null);
  }

  /** Cancels what is left, waits until it has ended, writes the last state, and takes no more jobs. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stop();
    await this.detach();
  }

  /** Resolves with the job once it has ended, however it ended. */
  async ended(id: string): Promise<Job> {
    for (;;) {
      const job = this.get(id);
      if (job === undefined) throw new Error(`internal: job queue: no job ${id}`);
      if (job.endedAt !== null || !this.#entries.has(id)) return job;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #waiting: (() => void)[] = [];

  #fill(lane: Lane): void {
    for (const entry of this.#entries.values()) {
      if (this.#running[lane] >= LANES[lane]) return;
      if (entry.lane === lane && entry.job.state === 'queued' && !entry.controller.signal.aborted) {
        this.#running[lane]++;
        entry.job.state = 'running';
        entry.job.startedAt = Date.now();
        entry.estimator = new ProgressEstimator();
        this.#changed(entry, true);
        entry.start();
      }
    }
  }

  async #run<T>(entry: Entry, spec: JobSpec<T>): Promise<T> {
    const { job, controller } = entry;
    const wasRunning = job.state === 'running';
    let reportedAt = -Infinity;
    try {
      if (controller.signal.aborted) throw new UserError('CANCELLED', 'Cancelled.');
      const value = await spec.run({
        id: job.id,
        signal: controller.signal,
        continuing: (fraction) => {
          entry.estimator = new ProgressEstimator(Date.now, fraction);
          job.progress = fraction;
        },
        progress: (fraction, detail) => {
          entry.estimator.update(fraction);
          if (detail !== undefined) job.detail = detail;
          job.progress = entry.estimator.progress;
          if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
          reportedAt = performance.now();
          this.#changed(entry, false);
        },
      });
      job.state = 'done';
      job.progress = 1;
      if (spec.result !== undefined) job.result = spec.result(value);
      return value;
    } catch (error) {
      const plain = toPlainError(error);
      job.state = plain.code === 'CANCELLED' || controller.signal.aborted ? 'cancelled' : 'failed';
      job.error = plain;
      throw error;
    } finally {
      job.endedAt = Date.now();
      if (wasRunning) this.#running[entry.lane]--;
      this.#changed(entry, true);
      for (const wake of this.#waiting.splice(0)) wake();
      if (!this.#closed) this.#fill(entry.lane);
    }
  }

  #changed(entry: Entry, stateChanged: boolean): void {
    this.#onChange(present(entry));
    if (stateChanged)
      // A full disk must not fail the job itself: the job's own files tell of it.
      void this.#journal?.save(this.list()).catch(() => undefined);
  }
}

/** A copy of the job with the time left as of now. */
function present(entry: Entry): Job {
  const { job, estimator } = entry;
  return { ...job, secondsLeft: job.state === 'running' ? estimator.secondsLeft : null };
}
