/** @file Counting agreement and writing pairs as jobs: they tell how far they are, and stop with their call or when they are cancelled. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../contract/schemas.ts';
import { seedPair } from '../pairs/testing.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-awaited-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const workbench = new Workbench('cli');
const out = path.join(home, 'out');
const client = createRouterClient(createRouter(workbench));
/** The window's way: a call carries the signal of its request. */
const CALLS = {
  agreement: {
    title: 'Agreement of reviewers',
    ask: (signal?: AbortSignal): Promise<unknown> => client.pairs.agreement(undefined, { signal }),
  },
  // Of all formats the one that goes over its rows twice.
  export: {
    title: 'Pairs to a file',
    ask: (signal?: AbortSignal): Promise<unknown> =>
      client.exchange.exportPairs({ path: path.join(out, 'pairs.csv'), format: 'csv' }, { signal }),
  },
} as const;
const PAIRS = 12;

beforeAll(async () => {
  await client.project.create({ path: path.join(home, 'project'), name: 'Jobs' });
  const project = workbench.requireProject();
  // Long enough that each pair takes more than the turn after which others come in.
  const chosen = 'The red circle moves to the left. '.repeat(2000);
  const ids = Array.from(
    { length: PAIRS },
    (_, i) =>
      seedPair(project, { video: `${i}.mp4`, chosen, rejected: chosen.replace('red', 'blue') }).pairId,
  );
  for (const reviewer of ['Ada', 'Ben']) {
    await project.setReviewer(reviewer);
    await client.pairs.setStatus({ pairIds: ids, status: 'accepted' });
  }
});
afterAll(async () => {
  await workbench.dispose();
  delete process.env.RRPO_WORKBENCH_HOME;
  rmSync(home, { recursive: true, force: true });
});

describe.each(['agreement', 'export'] as const)('%s', (kind) => {
  const { title, ask } = CALLS[kind];
  const latest = (): Job => workbench.jobs.list().findLast((job) => job.kind === kind)!;
  /** Resolves once it is under way and part of it is done. */
  async function underWay(): Promise<Job> {
    const running = (): Job | undefined =>
      workbench.jobs.list().findLast((job) => job.kind === kind && job.state === 'running');
    await expect.poll(() => running()?.progress ?? 0, { interval: 1 }).toBeGreaterThan(0);
    const job = running()!;
    expect(job.title).toBe(title);
    expect(job.detail).toMatch(new RegExp(`^\\d+ of ${PAIRS} pairs$`));
    return job;
  }

  test('one that nobody waits for any more is cancelled', async () => {
    const call = new AbortController();
    const asked = ask(call.signal);
    const { id } = await underWay();
    call.abort();
    await expect(asked).rejects.toThrow();
    expect(await workbench.jobs.ended(id)).toMatchObject({ state: 'cancelled' });
  });

  test('a cancelled job ends its call in words, and leaves no file', async () => {
    const asked = ask();
    const { id } = await underWay();
    workbench.jobs.cancel(id);
    await expect(asked).rejects.toThrow('Cancelled');
    expect(workbench.jobs.get(id)!.progress).toBeLessThan(1);
    if (kind === 'export') expect(readdirSync(out)).toEqual([]);
  });

  test('left alone it takes every pair', async () => {
    expect(await ask()).toMatchObject(
      kind === 'export'
        ? { count: PAIRS }
        : { reviewers: [{ a: 'Ada', b: 'Ben', pairs: PAIRS, sameDecision: PAIRS }] },
    );
    expect(latest()).toMatchObject({ state: 'done', progress: 1 });
  });
});
