/** @file The queue: order, lanes, progress, cancel, failure, memory across processes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Job } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { FileJobJournal } from './journal.ts';
import { JobQueue } from './queue.ts';
import type { JobSpec } from './queue.ts';

/** A turn of the event loop and a bit. */
const soon = () => sleep(2);

function spec<T>(run: JobSpec<T>['run'], more: Partial<JobSpec<T>> = {}): JobSpec<T> {
  return { kind: 'generate', title: 'test', lane: 'engine', run, ...more };
}

test('the engine lane runs one job at a time, in order; media runs two', async () => {
  const queue = new JobQueue();
  const log: string[] = [];
  let media = 0;
  let mediaMost = 0;
  const work = (name: string) =>
    spec(async () => {
      log.push(`+${name}`);
      await sleep(10);
      log.push(`-${name}`);
    });
  const clip = () =>
    spec(
      async () => {
        mediaMost = Math.max(mediaMost, ++media);
        await sleep(10);
        media--;
      },
      { lane: 'media' },
    );
  await Promise.all([
    ...['a', 'b', 'c'].map((n) => queue.enqueue(work(n)).done),
    ...[1, 2, 3, 4, 5].map(() => queue.enqueue(clip()).done),
  ]);
  expect(log).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  expect(mediaMost).toBe(2);
});

test('a job reports progress, time left and result, valid for the contract', async () => {
  const changes: Job[] = [];
  const began = performance.now();
  const queue = new JobQueue((job) => changes.push(job));
  const { job, done } = queue.enqueue(
    spec(
      async ({ progress }) => {
        for (let i = 1; i <= 4; i++) {
          await sleep(110);
          progress(i / 4, `${i} of 4`);
        }
        return { wrong: 3, ratio: 0.5 };
      },
      { result: ({ wrong }) => ({ wrong }) },
    ),
  );
  expect(job.state).toBe('running');
  expect(await done).toEqual({ wrong: 3, ratio: 0.5 });
  const seconds = (performance.now() - began) / 1000;
  for (const change of changes) Job.parse(change);
  const running = changes.filter((c) => c.progress !== null && c.state === 'running');
  expect(running.map((c) => c.progress)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(running[0].secondsLeft!).toBeGreaterThan(0.25);
  expect(running[0].secondsLeft!).toBeLessThan(3 * seconds);
  expect(changes.at(-1)).toMatchObject({
    state: 'done',
    progress: 1,
    result: { wrong: 3 },
    detail: '4 of 4',
    secondsLeft: null,
  });
});

test('a failed job keeps its words and the next one runs', async () => {
  const queue = new JobQueue();
  const bad = queue.enqueue(
    spec(() => Promise.reject(new UserError('CORRUPT', 'clip.mp4 is broken', 'Copy it again.'))),
  );
  const good = queue.enqueue(spec(() => Promise.resolve(7)));
  await expect(bad.done).rejects.toThrow('clip.mp4 is broken');
  expect(await good.done).toBe(7);
  expect(queue.get(bad.job.id)).toMatchObject({
    state: 'failed',
    error: { code: 'CORRUPT', message: 'clip.mp4 is broken', hint: 'Copy it again.' },
  });
});

test('cancel stops a running job through its signal, and a waiting one before it starts', async () => {
  const queue = new JobQueue();
  let reason: unknown;
  const first = queue.enqueue(
    spec(async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      reason = signal.reason;
      throw new UserError('CANCELLED', 'stopped');
    }),
  );
  let ran = false;
  const second = queue.enqueue(
    spec(() => {
      ran = true;
      return Promise.resolve(1);
    }),
  );
  queue.cancel(second.job.id);
  await expect(second.done).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(queue.get(second.job.id)!.state).toBe('cancelled');
  queue.cancel(first.job.id, 'save');
  await expect(first.done).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(queue.get(first.job.id)!.state).toBe('cancelled');
  expect(reason).toBe('save');
  expect(ran).toBe(false);
  const third = queue.enqueue(spec(() => Promise.resolve(3)));
  expect(await third.done).toBe(3);
  expect(() => queue.cancel('nonsense')).toThrow(/unknown id/);
});

test('a job may finish its work after a cancel: stop and save is not a failure', async () => {
  const queue = new JobQueue();
  const { job, done } = queue.enqueue(
    spec(async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return 'saved';
    }),
  );
  await sleep(5);
  queue.cancel(job.id, 'save');
  expect(await done).toBe('saved');
  expect((await queue.ended(job.id)).state).toBe('done');
});

test('a later process sees ended jobs as they were and interrupted ones as failed', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rrpo-jobs-'));
  try {
    const file = path.join(folder, 'jobs.json');
    const queue = new JobQueue();
    await queue.attach(new FileJobJournal(file));
    await queue.enqueue(spec(() => Promise.resolve({ count: 2 }), { title: 'ended', result: (v) => v })).done;
    queue.enqueue(spec(() => new Promise(() => undefined), { title: 'running' }));
    queue.pause(queue.enqueue(spec(() => Promise.resolve(), { title: 'paused', pausable: true })).job.id);
    queue.enqueue(spec(() => Promise.resolve(), { title: 'waiting' }));
    await expect.poll(() => readFile(file, 'utf8').catch(() => '')).toContain('"waiting"');
    // The process is gone; its queue never closed.
    const later = new JobQueue();
    await later.attach(new FileJobJournal(file));
    const jobs = Object.fromEntries(later.list().map((job) => [job.title, job]));
    expect(jobs.ended).toMatchObject({ state: 'done', result: { count: 2 } });
    expect(jobs.running).toMatchObject({
      state: 'failed',
      error: { message: 'The workbench was closed while this job was running.' },
    });
    expect(jobs.waiting).toMatchObject({
      state: 'failed',
      error: { message: 'The workbench was closed while this job was waiting.' },
    });
    // One that goes on after a restart is put in line anew under its id; left as it was, it could never be resumed.
    expect(jobs.paused).toMatchObject({
      state: 'failed',
      error: { message: 'The workbench was closed while this job was paused.' },
    });
    await writeFile(file, '{"half": ');
    const broken = new JobQueue();
    await broken.attach(new FileJobJournal(file));
    expect(broken.list()).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a journal that cannot be written fails no job and no closing, and is written again once it can be', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rrpo-jobs-'));
  try {
    const place = path.join(folder, 'project');
    const file = path.join(place, 'jobs.json');
    await writeFile(place, 'a file where the folder should be');
    const journal = new FileJobJournal(file);
    const queue = new JobQueue();
    await queue.attach(journal);
    await queue.enqueue(spec(() => Promise.resolve())).done;
    await expect(journal.save(queue.list())).rejects.toThrow(/expected the path of a file inside a folder/);
    await rm(place);
    await queue.enqueue(spec(() => Promise.resolve(), { title: 'later' })).done;
    await journal.save(queue.list());
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject([{ title: 'test' }, { title: 'later' }]);
    await rm(place, { recursive: true });
    await writeFile(place, '');
    await queue.detach();
    expect(queue.list()).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('stopping ends also the job that another one starts as its last act', async () => {
  const queue = new JobQueue();
  const spec = { kind: 'probe', title: 'x', lane: 'media' } as const;
  const forever = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
  queue.enqueue({
    ...spec,
    run: async ({ signal }) => {
      await forever(signal).catch(() => undefined);
      queue.enqueue({ ...spec, run: (follower) => forever(follower.signal) });
    },
  });
  await new Promise(setImmediate); // it runs now
  await queue.stop();
  expect(queue.list().map((job) => job.state)).toEqual(['done', 'cancelled']);
});

test('close cancels what runs and waits for it', async () => {
  const queue = new JobQueue();
  let ended = false;
  queue.enqueue(
    spec(async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await sleep(20);
      ended = true;
    }),
  );
  await sleep(5);
  await queue.close();
  expect(ended).toBe(true);
  expect(() => queue.enqueue(spec(() => Promise.resolve()))).toThrow(/after close/);
});

describe('pause', () => {
  /** A job of 5 units that goes on where it was; each unit waits for `step`. */
  function counting(queue: JobQueue, states: string[] = [], restored?: { id: string; paused: boolean }) {
    let done = 0;
    const handle = queue.enqueue({
      kind: 'generate',
      title: 'Counting',
      lane: 'engine',
      pausable: true,
      restored,
      onState: (state, why) => states.push(why === null ? state : `${state} (${why})`),
      run: async ({ signal, progress, continuing }) => {
        continuing(done / 5);
        for (; done < 5; done++) {
          progress(done / 5, `${done} of 5`);
          await soon();
          signal.throwIfAborted();
        }
        return done;
      },
    });
    return { ...handle, count: () => done };
  }

  test('a paused job lets the next one run, and goes on where it was', async () => {
    const queue = new JobQueue();
    const states: string[] = [];
    const { job, done, count } = counting(queue, states);
    await soon();
    await soon();
    queue.pause(job.id);
    await queue.idle(); // a paused job is not waited for
    expect(queue.get(job.id)).toMatchObject({ state: 'paused', pausable: true, endedAt: null, error: null });
    const at = count();
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(5);
    const other = queue.enqueue({
      kind: 'train',
      title: 'Other',
      lane: 'engine',
      run: () => Promise.resolve(7),
    });
    expect(await other.done).toBe(7);
    expect(count()).toBe(at);
    queue.pause(job.id); // twice is once
    queue.resume(job.id);
    expect(await done).toBe(5);
    queue.resume(job.id);
    queue.pause(job.id);
    expect(queue.get(job.id)?.state).toBe('done');
    expect(states).toEqual(['queued', 'running', 'paused', 'queued', 'running', 'done']);
  });

  test('resume right after pause, cancel of a paused one, and of one that is being paused', async () => {
    const queue = new JobQueue();
    const quick = counting(queue);
    await soon();
    queue.pause(quick.job.id);
    queue.resume(quick.job.id);
    expect(await quick.done).toBe(5);

    const states: string[] = [];
    const paused = counting(queue, states);
    queue.pause(paused.job.id);
    await queue.idle();
    queue.cancel(paused.job.id);
    await expect(paused.done).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(states.at(-1)).toBe('cancelled (cancel)');

    const both = counting(queue);
    await soon();
    queue.pause(both.job.id);
    queue.cancel(both.job.id);
    await expect(both.done).rejects.toThrow();
    expect(queue.get(both.job.id)?.state).toBe('cancelled');
    await queue.stop();
  });

  test('a job of an earlier process comes back under its id, paused or in line; one that cannot be paused says so', async () => {
    const queue = new JobQueue();
    const waiting = counting(queue, [], { id: 'earlier', paused: true });
    await soon();
    expect(queue.get('earlier')).toMatchObject({ state: 'paused' });
    expect(waiting.count()).toBe(0);
    queue.resume('earlier');
    expect(await waiting.done).toBe(5);
    const plain = queue.enqueue({ kind: 'train', title: 'Run', lane: 'engine', run: soon });
    expect(() => queue.pause(plain.job.id)).toThrow('Run: this job cannot be paused.');
    expect(() => queue.resume('nobody')).toThrow('unknown id');
    await plain.done;
  });
});
