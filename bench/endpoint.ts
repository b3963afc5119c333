/**
 * @file Ten thousand answers judged through an endpoint on loopback that is down for three seconds in the middle: the workbench's own time for
 * an answer, its memory, and that the job goes on by itself, nothing is lost, and only what failed is asked twice. Run: `node bench/endpoint.ts [--rows 10000]`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createRouterClient } from '@orpc/server';
import { EndpointSettings, type JudgeReport } from '../src-main/contract/endpoint.ts';
import { startFake } from '../src-main/endpoint/testing.ts';
import { createRouter } from '../src-main/services/router.ts';
import { seedAnswers, verdictOn } from '../src-main/services/testing.ts';
import { Workbench } from '../src-main/services/workbench.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '10000' } } });
const rows = Number(values.rows);
/** Milliseconds of processor time an answer, the loopback server's included: 100 answers a second and more keep one core busy at most. */
const BAR = 10;

const home = await mkdtemp(path.join(os.tmpdir(), 'rrpo-bench-endpoint-'));
process.env['RRPO_WORKBENCH_HOME'] = path.join(home, 'user');
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));
let down = false;
const server = await startFake((asked, n) => {
  if (n === Math.floor(rows / 2)) {
    down = true;
    setTimeout(() => (down = false), 3000);
  }
  if (down) return (response) => void response.socket!.destroy();
  return verdictOn(asked, n % 2 === 0 ? 'right' : 'wrong', 'as the bench says');
});
await client.project.create({ path: path.join(home, 'project'), name: 'bench' });
const project = workbench.requireProject();
seedAnswers(
  project,
  Array.from({ length: rows }, (_, k) => ({
    answer: `A circle of number ${k} moves to the right.`,
    chosen: 'A square moves to the left.',
    verdict: 'wrong',
  })),
);
const settings = {
  enabled: true,
  url: server.url,
  model: 'bench',
  requestsPerMinute: 60_000,
  concurrent: 8,
  retries: 0,
};
await client.endpoint.save(EndpointSettings.parse(settings));

const judged = (): number =>
  project.db.prepare<{ n: number }>('SELECT count(*) AS n FROM attempts WHERE judge IS NOT NULL').get()!.n;
async function run(): Promise<{ state: string; seconds: number; report?: JudgeReport; error?: string }> {
  const began = performance.now();
  const job = await workbench.jobs.ended((await client.negatives.judge()).id);
  const seconds = (performance.now() - began) / 1000;
  return {
    state: job.state,
    seconds,
    report: job.result as JudgeReport | undefined,
    error: job.error?.message,
  };
}
const cpu = process.cpuUsage();
const first = await run();
const kept = judged();
const second = await run();
const { user, system } = process.cpuUsage(cpu);
const each = (user + system) / 1000 / rows;
const rate = rows / (first.seconds + second.seconds);
console.log(
  `${os.cpus().length} x ${os.cpus()[0].model}, load ${os.loadavg()[0].toFixed(1)}; ${rows} answers, 8 at once`,
);
console.table({
  'with the outage': { state: first.state, judged: kept, seconds: first.seconds.toFixed(1) },
  'and then what failed': {
    state: second.state,
    judged: second.report?.judged ?? 0,
    seconds: second.seconds.toFixed(1),
  },
});
console.log(
  `rows that failed say: ${first.report?.failedWhy.map(({ reason, rows: n }) => `${n} x ${reason}`).join('; ')}`,
);
console.log(
  `${each.toFixed(1)} ms of processor time an answer (bar ${BAR} ms), ${rate.toFixed(0)} answers/s by the clock; ${server.asked.length} requests for ${rows} answers; ${Math.round(process.memoryUsage().heapUsed / 1e6)} MB of JavaScript`,
);
const all =
  judged() === rows && first.state === 'done' && first.report!.failed >= 10 && second.state === 'done';
if (!all)
  console.log(
    `expected the job to outlast the outage and every answer judged after the second run, got ${first.state}, ${judged()}`,
  );
await workbench.dispose();
await server.close();
await rm(home, { recursive: true, force: true });
process.exitCode = all && each <= BAR ? 0 : 1;
