/**
 * @file The queue of everything that takes more than a moment. Jobs of one lane run in the order they came, a fixed number at a
 * time: the engine takes one (a second model in memory helps nobody), media two.
 */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Job, JobKind, JobState as JobStateSchema } from '../contract/schemas.ts';
import { UserError, toPlainError } from '../platform/errors.ts';
import { ProgressEstimator } from './eta.ts';
import type { JobJournal } from './journal.ts';

type JobState = z.infer<typeof JobStateSchema>;

/** What a job mainly uses. `shell`: neither worker, for example an import of text; `endpoint`: it waits for a machine elsewhere. */
export type Lane = 'engine' | 'media' | 'shell' | 'endpoint';

/** Jobs that may run at the same time, by lane. */
const LANES: Readonly<Record<Lane, number>> = { engine: 1, media: 2, shell: 2, endpoint: 1 };

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
  /** Whether `run` may be aborted by a pause and called again: it must go on where it was. @default false */
  pausable?: boolean;
  /** Of a job of an earlier process that goes on: its id, and whether it was paused. @default a new job */
  restored?: { id: string; paused: boolean };
  /** Hears of every change of state; `why` is the word given to cancel. */
  onState?: (state: JobState, why: string | null) => void;
  /** What of the outcome is shown in `job.result` (validated by the window, so plain JSON). @default nothing */
  result?: (value: T) => unknown;
};

/** A job in the queue: its present state, and a promise of its outcome. */
export type JobHandle<T> = { job: Job; done: Promise<T> };

type Entry = {
  job: Job;
  lane: Lane;
  controller: AbortController;
  /** Resolves when the job may run, or is cancelled before it runs. */
  turn: PromiseWithResolvers<void>;
  estimator: ProgressEstimator;
  onState: JobSpec<unknown>['onState'];
  /** Resumed while its pause was still under way. */
  resumeAtOnce: boolean;
};

/** Reason of the abort that a pause is. */
const PAUSE = 'pause';

/** Progress reports closer together than this many milliseconds are merged into one event. */
const REPORT_EVERY_MS = 100;

/** Runs jobs, remembers them, and reports every change. */
export class JobQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #earlier = new Map<string, Job>();
  readonly #running: Record<Lane, number> = { engine: 0, media: 0, shell: 0, endpoint: 0 };
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
    // A full disk must not keep a project from being closed.
    await this.#journal?.save(this.list()).catch(() => undefined);
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
    const { restored } = spec;
    const job: Job = {
      id: restored?.id ?? randomUUID(),
      kind: spec.kind,
      title: spec.title,
      state: restored?.paused === true ? 'paused' : 'queued',
      pausable: spec.pausable ?? false,
      progress: null,
      secondsLeft: null,
      detail: '',
      error: null,
      startedAt: null,
      endedAt: null,
    };
    const entry: Entry = {
      job,
      lane: spec.lane,
      controller: new AbortController(),
      turn: Promise.withResolvers<void>(),
      estimator: new ProgressEstimator(),
      onState: spec.onState,
      resumeAtOnce: false,
    };
    this.#earlier.delete(job.id);
    this.#entries.set(job.id, entry);
    const done = this.#runToEnd(entry, spec);
    done.catch(() => undefined); // told in the job; an unheard promise must not end the process
    this.#changed(entry, true);
    this.#fill(spec.lane);
    return { job: present(entry), done };
  }

  /** Stops a pausable job until it is resumed; its lane is free meanwhile. Does nothing to one that is paused or has ended. */
  pause(id: string): void {
    const entry = this.#entryOf(id);
    if (entry === undefined || entry.job.endedAt !== null || entry.job.state === 'paused') return;
    if (!entry.job.pausable)
      throw new UserError(
        'BAD_INPUT',
        `${entry.job.title}: this job cannot be paused.`,
        'Cancel it instead.',
      );
    entry.resumeAtOnce = false;
    if (entry.job.state === 'queued') this.#park(entry);
    else entry.controller.abort(PAUSE);
  }

  /** Puts a paused job in line again. */
  resume(id: string): void {
    const entry = this.#entryOf(id);
    if (entry === undefined || entry.job.endedAt !== null) return;
    if (entry.job.state !== 'paused') {
      entry.resumeAtOnce = entry.controller.signal.reason === PAUSE;
      return;
    }
    entry.job.state = 'queued';
    this.#changed(entry, true);
    this.#fill(entry.lane);
  }

  #park(entry: Entry): void {
    entry.job.state = entry.resumeAtOnce ? 'queued' : 'paused';
    entry.resumeAtOnce = false;
    this.#changed(entry, true);
  }

  /** A job of this process; undefined for one of an earlier process. @throws UserError NOT_FOUND */
  #entryOf(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined && !this.#earlier.has(id))
      throw new UserError('NOT_FOUND', `Job ${id}: expected one of this project, got an unknown id.`);
    return entry;
  }

  /** Cancels a job; does nothing when it has ended. `why` reaches the job as `signal.reason`. */
  cancel(id: string, why = 'cancel'): void {
    const entry = this.#entryOf(id);
    if (entry === undefined || entry.job.endedAt !== null) return;
    // A pause that is under way has aborted it already: the cancel takes its place.
    if (entry.controller.signal.reason === PAUSE) entry.controller = new AbortController();
    entry.controller.abort(why);
    entry.turn.resolve(); // one that waits or is paused ends as cancelled without running
  }

  /** Cancels every job that has not ended. */
  cancelAll(why = 'close'): void {
    for (const entry of [...this.#entries.values()]) this.cancel(entry.job.id, why);
  }

  /** Resolves once no job runs or waits; jobs that a job starts as its last act are waited for too. Paused ones are not. */
  async idle(): Promise<void> {
    const busy = (): Entry | undefined =>
      [...this.#entries.values()].find(({ job }) => job.endedAt === null && job.state !== 'paused');
    for (let next = busy(); next; next = busy())
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
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
        entry.turn.resolve();
      }
    }
  }

  /** Runs a job whenever it is its turn, until it has ended otherwise than by a pause. */
  async #runToEnd<T>(entry: Entry, spec: JobSpec<T>): Promise<T> {
    const { job } = entry;
    for (;;) {
      await entry.turn.promise;
      entry.turn = Promise.withResolvers<void>();
      const wasRunning = job.state === 'running';
      try {
        const value = await this.#run(entry, spec);
        job.state = 'done';
        job.progress = 1;
        if (spec.result !== undefined) job.result = spec.result(value);
        return value;
      } catch (error) {
        if (entry.controller.signal.reason === PAUSE) {
          entry.controller = new AbortController();
          this.#park(entry);
          continue;
        }
        const plain = toPlainError(error);
        job.state = plain.code === 'CANCELLED' || entry.controller.signal.aborted ? 'cancelled' : 'failed';
        job.error = plain;
        throw error;
      } finally {
        if (wasRunning) this.#running[entry.lane]--;
        if (job.state !== 'paused' && job.state !== 'queued') {
          job.endedAt = Date.now();
          this.#changed(entry, true);
        }
        for (const wake of this.#waiting.splice(0)) wake();
        if (!this.#closed) this.#fill(entry.lane);
      }
    }
  }

  async #run<T>(entry: Entry, spec: JobSpec<T>): Promise<T> {
    const { job, controller } = entry;
    let reportedAt = -Infinity;
    if (controller.signal.aborted) throw new UserError('CANCELLED', 'Cancelled.');
    return spec.run({
      id: job.id,
      signal: controller.signal,
      continuing: (fraction) => {
        entry.estimator = new ProgressEstimator(undefined, fraction);
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
  }

  #changed(entry: Entry, stateChanged: boolean): void {
    this.#onChange(present(entry));
    if (!stateChanged) return;
    const { reason } = entry.controller.signal as { reason: unknown };
    entry.onState?.(entry.job.state, typeof reason === 'string' ? reason : null);
    // A full disk must not fail the job itself: the job's own files tell of it.
    void this.#journal?.save(this.list()).catch(() => undefined);
  }
}

/** A copy of the job with the time left as of now. */
function present(entry: Entry): Job {
  const { job, estimator } = entry;
  return { ...job, secondsLeft: job.state === 'running' ? estimator.secondsLeft : null };
}
