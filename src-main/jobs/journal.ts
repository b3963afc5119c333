/**
 * @file What is remembered of jobs across a restart: one small JSON file per project, written atomically whenever a job changes
 * state (not at every tick of progress). A job that was under way when the process ended is shown as failed, and can be
 * started again.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { Job } from '../contract/schemas.ts';
import { writeFileAtomic } from '../platform/files.ts';

/** Jobs kept in the file; older ones that have ended are dropped. */
const KEEP = 100;

/** Where a queue keeps its jobs. */
export type JobJournal = {
  /** Jobs of earlier processes, oldest first. Those that were under way come back as failed. */
  load(): Promise<Job[]>;
  /** Remembers these jobs; resolves once they are on the disk. */
  save(jobs: Job[]): Promise<void>;
};

/** A journal in one JSON file. A file that cannot be read is set aside by the next save: jobs are history, not work. */
export class FileJobJournal implements JobJournal {
  readonly #file: string;
  #writing: Promise<void> = Promise.resolve();
  #next: Job[] | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async load(): Promise<Job[]> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch {
      return []; // no file yet
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return [];
    }
    const jobs = z.array(Job).safeParse(parsed);
    return jobs.success ? jobs.data.map(interrupted) : [];
  }

  save(jobs: Job[]): Promise<void> {
    // Many changes while one write is under way become one write.
    if (this.#next === undefined)
      this.#writing = this.#writing
        // A write that failed has told its own caller; there may be room again for this one.
        .catch(() => undefined)
        .then(async () => {
          const kept = (this.#next ?? []).slice(-KEEP);
          this.#next = undefined;
          await writeFileAtomic(this.#file, JSON.stringify(kept, null, 1));
        });
    this.#next = jobs;
    return this.#writing;
  }
}

/** A job as a later process sees it. */
function interrupted(job: Job): Job {
  if (job.state !== 'queued' && job.state !== 'running' && job.state !== 'paused') return job;
  const was = job.state === 'queued' ? 'waiting' : job.state;
  return {
    ...job,
    state: 'failed',
    secondsLeft: null,
    endedAt: job.endedAt ?? job.startedAt,
    error: {
      code: 'CANCELLED',
      message: `The workbench was closed while this job was ${was}.`,
      hint: 'Start it again: it goes on where it was, finished parts are not done twice.',
    },
  };
}
