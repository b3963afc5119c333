/** @file Counting agreement as a job: it tells how far it is, and stops with its call or when it is cancelled. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../contract/schemas.ts';
import { seedPair } from '../pairs/testing.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-agreement-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const workbench = new Workbench('cli');
/** The window's way: a call carries the signal of its request. */
const asked = (signal?: AbortSignal): Promise<unknown> =>
  createRouterClient(createRouter(workbench)).pairs.agreement(undefined, { signal });
const PAIRS = 12;

beforeAll(async () => {
  const client = createRouterClient(createRouter(workbench));
  await client.project.create({ path: path.join(home, 'project'), name: 'Agreement' });
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

const latest = (): Job => workbench.jobs.list().findLast(({ kind }) => kind === 'agreement')!;
/** Resolves once the count is under way and part of it is done. */
async function underWay(): Promise<Job> {
  await expect.poll(() => latest().progress, { interval: 2 }).toBeGreaterThan(0);
  const job = latest();
  expect(job).toMatchObject({ state: 'running', title: 'Agreement of reviewers' });
  expect(job.detail).toMatch(new RegExp(`^\\d+ of ${PAIRS} pairs$`));
  return job;
}

test('a count that nobody waits for any more is cancelled', async () => {
  const call = new AbortController();
  const counting = asked(call.signal);
  const { id } = await underWay();
  call.abort();
  await expect(counting).rejects.toThrow();
  expect(await workbench.jobs.ended(id)).toMatchObject({ state: 'cancelled' });
});

test('a cancelled job ends its call in words', async () => {
  const counting = asked();
  const { id } = await underWay();
  workbench.jobs.cancel(id);
  await expect(counting).rejects.toThrow('Cancelled');
  expect(workbench.jobs.get(id)!.progress).toBeLessThan(1);
});

test('left alone it counts every pair', async () => {
  expect(await asked()).toMatchObject({
    reviewers: [{ a: 'Ada', b: 'Ben', pairs: PAIRS, sameDecision: PAIRS }],
  });
  expect(latest()).toMatchObject({ state: 'done', progress: 1 });
});
