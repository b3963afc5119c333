/**
 * @file A judging that is killed again and again: real processes, a real server on loopback that counts what it is asked. Nothing is lost,
 * nothing is asked again beyond what was on its way, and the count of the cost is that of the replies that arrived.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { EndpointSettings } from '../contract/endpoint.ts';
import { Endpoint } from '../endpoint/endpoint.ts';
import { startFake } from '../endpoint/testing.ts';
import { appRoot } from '../platform/entries.ts';
import { closeProject, createProject, openProject } from '../project/project.ts';
import { judgedTexts, seedAnswers, verdictOn } from '../services/testing.ts';

const ROWS = 200;
const CONCURRENT = 4;
const KILLS = 4;
const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-judge-killed-'));
const folder = path.join(home, 'project');
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs `judge`; `alive` says when it is killed. Gives its exit code, null when it was killed. */
async function judge(alive: (ended: () => boolean) => Promise<void>): Promise<number | null> {
  const args = [path.join(appRoot, 'bin', 'rrpo-workbench.mjs'), 'judge', folder];
  // A process group of its own, so that the host dies however the launcher starts it.
  const child = spawn(process.execPath, args, { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await alive(() => child.exitCode !== null);
  if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
  await ended;
  return child.exitCode;
}

test(`killed ${KILLS} times at any moment, a judging ends with every answer judged once`, async () => {
  const server = await startFake(async (asked) => {
    await wait(15 + 10 * Math.random());
    return verdictOn(asked, Number(/\d+/.exec(judgedTexts(asked).answer)) % 2 === 0 ? 'right' : 'wrong');
  });
  const endpoint = new Endpoint();
  await endpoint.save(
    EndpointSettings.parse({
      enabled: true,
      url: server.url,
      model: 'judge-1',
      requestsPerMinute: 60_000,
      concurrent: CONCURRENT,
      retries: 0,
      priceIn: 1,
      priceOut: 10,
      spendLimit: 1,
    }),
  );
  const project = await createProject(folder, 'killed');
  seedAnswers(
    project,
    Array.from({ length: ROWS }, (_, k) => ({ answer: `It goes up, ${k}.`, verdict: 'wrong' })),
  );
  await closeProject(project);
  const judged = async (): Promise<{ answer: string; verdict: string; status: string }[]> => {
    const open = await openProject(folder);
    const { db } = open;
    const rows = db
      .prepare<{ answer: string; verdict: string; status: string }>(
        'SELECT a.answer, a.verdict, p.status FROM attempts a JOIN pairs p ON p.id = a.pair_id WHERE a.judge IS NOT NULL',
      )
      .all();
    expect(db.integrityCheck()).toEqual([]);
    await closeProject(open);
    return rows;
  };
  let kept = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const before = server.asked.length;
    // Somewhere in the first half of the next quarter of the work, at no moment in particular; the last time after one is judged for sure.
    const least = kill < KILLS ? 1 : CONCURRENT + 1;
    const most = before + least + Math.floor(Math.random() * (ROWS / KILLS / 2));
    const code = await judge(async (ended) => {
      while (server.asked.length < most && !ended()) await wait(1);
      await wait(20 * Math.random());
    });
    expect(code).toBeNull();
    const now = (await judged()).length;
    expect(now).toBeGreaterThanOrEqual(kept);
    kept = now;
  }
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(ROWS);
  expect(
    await judge(async (ended) => {
      while (!ended()) await wait(5);
    }),
  ).toBe(0);

  const rows = await judged();
  expect(rows).toHaveLength(ROWS);
  for (const { answer, verdict, status } of rows) {
    const even = Number(/\d+/.exec(answer)) % 2 === 0;
    expect([verdict, status]).toEqual(even ? ['right', 'rejected'] : ['wrong', 'pending']);
  }
  // Each answer was asked about once, and once more at most for each time that it was on its way when its process died.
  const asked = Map.groupBy(server.asked, (one) => judgedTexts(one).answer);
  expect(asked.size).toBe(ROWS);
  expect(server.asked.length).toBeLessThanOrEqual(ROWS + KILLS * CONCURRENT);
  // Every reply that arrived is counted, once: what was judged, and nothing that the server was only asked.
  const { usage } = await endpoint.state();
  expect(usage.requests).toBeGreaterThanOrEqual(ROWS);
  expect(usage.requests).toBeLessThanOrEqual(server.asked.length);
  expect(usage.cost).toBeCloseTo(usage.requests * 0.0002, 9);
  endpoint.close();
  await server.close();
});
