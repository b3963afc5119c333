/**
 * @file A generation over many samples: how long its start holds up the host, what it keeps in memory, and how much of the time the engine
 * has work. Run: `node bench/queue-start.ts [--samples 100000] [--questions 288]`. Bars: 100 ms at the start; no work for less than 5 % of the time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRouterClient } from '@orpc/server';
import { SampleLibrary } from '../src-main/library/samples.ts';
import { VideoLibrary } from '../src-main/library/videos.ts';
import { resourcesDir } from '../src-main/platform/entries.ts';
import { createRouter } from '../src-main/services/router.ts';
import { Workbench } from '../src-main/services/workbench.ts';

const { values } = parseArgs({
  options: { samples: { type: 'string', default: '100000' }, questions: { type: 'string', default: '288' } },
});
const SAMPLES = Number(values.samples);
const QUESTIONS = Number(values.questions);
const BAR_MS = 100;
const BAR_IDLE = 0.05;

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bench-'));
process.env.RRPO_WORKBENCH_HOME = home;
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));

/** Longest time in which the event loop did not turn while `work` went on, and when it began, both in milliseconds. */
async function longestBlock<T>(work: () => Promise<T>): Promise<{ value: T; block: number; at: number }> {
  let block = 0;
  let at = 0;
  const began = performance.now();
  let last = began;
  let going = true;
  const beat = (): void => {
    const now = performance.now();
    if (now - last > block) [block, at] = [now - last, last - began];
    last = now;
    if (going) setImmediate(beat);
  };
  beat();
  const value = await work();
  going = false;
  return { value, block, at };
}

/** Share of the time from the first to the last question's call in which the engine had none to answer. */
function watchEngine(): () => { idle: number; seconds: number } {
  const { engine } = workbench.workers;
  const call = engine.call.bind(engine);
  let open = 0;
  let first = 0;
  let last = 0;
  let since = 0;
  let busy = 0;
  engine.call = async (method, input, options) => {
    if (method !== 'answer') return call(method, input, options);
    first ||= performance.now();
    if (open++ === 0) since = performance.now();
    try {
      return await call(method, input, options);
    } finally {
      last = performance.now();
      if (--open === 0) busy += last - since;
    }
  };
  return () => ({ idle: 1 - busy / (last - first), seconds: (last - first) / 1000 });
}

/** Resolves when the engine is given its next question. */
async function firstQuestion(): Promise<void> {
  const { engine } = workbench.workers;
  const call = engine.call.bind(engine);
  await new Promise<void>((resolve) => {
    engine.call = (method, input, options) => {
      if (method === 'answer') resolve();
      return call(method, input, options);
    };
  });
  engine.call = call;
}

try {
  console.log(
    `machine  ${os.cpus()[0].model}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}`,
  );
  await client.project.create({ path: path.join(home, 'project'), name: 'bench' });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  const { job } = await client.library.addVideos({ paths: [path.join(resourcesDir, 'sample', 'clips')] });
  await workbench.jobs.ended(job!.id);
  await workbench.jobs.idle();
  const project = workbench.requireProject();
  project.db.exec("UPDATE videos SET split = 'train'");
  const videos = new VideoLibrary(project).list();
  const samples = new SampleLibrary(project);
  const add = (from: number, to: number, type: 'open_ended' | 'short'): void =>
    project.db.transaction(() => {
      for (let i = from; i < to; i++)
        samples.add({
          videoId: videos[i % videos.length].id,
          question: `What does shape ${i} do, and which way does it go while the others stay where they are?`,
          type,
          chosen: `Shape ${i} moves to the left.`,
          source: 'bench',
        });
    });

  // A whole run, of questions that the model has not seen before, from decoding to the last answer.
  add(0, QUESTIONS, 'short');
  const measured = watchEngine();
  const run = await workbench.jobs.ended(
    (await client.negatives.generate({ filter: { type: 'short' }, maxNewTokens: 24 })).id,
  );
  if (run.error !== null) throw new Error(run.error.message);
  const { idle, seconds } = measured();
  console.log(
    `engine   ${QUESTIONS} questions about ${Math.min(QUESTIONS, videos.length)} clips in ${seconds.toFixed(1)} s, ` +
      `${(QUESTIONS / seconds).toFixed(1)} questions/s; without work ${(100 * idle).toFixed(1)} % of the time ` +
      `(bar ${100 * BAR_IDLE} %) ${idle < BAR_IDLE ? 'ok' : 'MISSED'}`,
  );

  add(QUESTIONS, QUESTIONS + SAMPLES, 'open_ended');
  project.db.exec('PRAGMA wal_checkpoint(TRUNCATE)'); // what was added just now is no part of the start
  for (const [name, what] of [
    ['all', {}],
    ['by text', { text: 'which way' }],
  ] as const) {
    const before = process.memoryUsage().heapUsed;
    const started = performance.now();
    const {
      block,
      at,
      value: id,
    } = await longestBlock(async () => {
      const asked = firstQuestion();
      const job = await client.negatives.generate({
        filter: { type: 'open_ended', ...what },
        seed: name.length,
        maxNewTokens: 8,
      });
      await asked;
      return job.id;
    });
    const took = performance.now() - started;
    const answers = await longestBlock(async () => {
      while (!/^\d/.test(workbench.jobs.get(id)!.detail) && workbench.jobs.get(id)!.endedAt === null)
        await sleep(5);
    });
    await client.jobs.cancel({ jobId: id });
    await workbench.jobs.idle();
    const heap = (process.memoryUsage().heapUsed - before) / 1e6;
    console.log(
      `start    ${SAMPLES.toLocaleString('en')} samples, ${name}: first question after ${(took / 1000).toFixed(1)} s, ` +
        `longest block ${block.toFixed(0)} ms, ${at.toFixed(0)} ms after the start (bar ${BAR_MS} ms) ` +
        `${block < BAR_MS ? 'ok' : 'MISSED'}; first answers come in with ${answers.block.toFixed(0)} ms, heap +${heap.toFixed(0)} MB`,
    );
  }
} finally {
  await workbench.dispose();
  rmSync(home, { recursive: true, force: true });
}
