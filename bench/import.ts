/**
 * @file An import at full size: makes a file of realistic rows, imports it through the contract as a window would, and meanwhile saves
 * a pair ten times a second. Prints peak memory, rows a second, the host's longest pause, how long the saves took, and what a cancel and
 * the continuation cost. Run: `node bench/import.ts [--format json|jsonl|csv] [--rows 10000 | --gb 2] [--folder DIR]`.
 */
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRouterClient } from '@orpc/server';
import { ImportReport, type Job, type Pair } from '../src-main/contract/schemas.ts';
import { writeRecord } from '../src-main/library/text/delimited.ts';
import { Random } from '../src-main/platform/random.ts';
import { createRouter } from '../src-main/services/router.ts';
import { Workbench } from '../src-main/services/workbench.ts';

const { values } = parseArgs({
  options: {
    format: { type: 'string' },
    rows: { type: 'string', default: '10000' },
    gb: { type: 'string' },
    folder: { type: 'string', default: os.tmpdir() },
  },
});
const FORMATS = ['json', 'jsonl', 'csv'];
/** Milliseconds between two saves. */
const SAVE_EVERY = 100;
/** A row is about 2 kB, so 2 GB are a million rows. */
const WORDS = (
  'the a person in red jacket walks slowly towards camera while second figure behind them opens door and picks up glass ' +
  'then puts it down on table before turning left right near window für größer während der Straße läuft déjà café naïve ' +
  'Ελλάδα κόκκινο Москва красный 左 右 红色的圆形向左移动 カメラ 방향으로 🦢 🎬 suddenly twice again finally together'
).split(' ');

type Row = { question: string; answer: string; pred: string; video: string; id: string };

function makeRow(random: Random, i: number): Row {
  const words = Array.from({ length: 62 }, () => WORDS[random.int(WORDS.length)]);
  const wrong = [...words];
  for (let k = 0; k < 3; k++) wrong[random.int(words.length)] = `other${k}`;
  return {
    question: `What does the person number ${i} do after the ${words[0]} ${words[1]}, and in which direction?`,
    answer: `${words.join(' ')}.`,
    pred: `${wrong.join(' ')}.`,
    video: `clips/${String(i % 20_000).padStart(6, '0')}.mp4`,
    id: `row-${i}`,
  };
}

const shapes: Record<string, { before: string; between: string; after: string; row: (row: Row) => string }> =
  {
    json: {
      before: '[',
      between: ', ', // as Python's json.dump writes a list: one line
      after: ']',
      row: ({ id, ...row }) =>
        JSON.stringify({
          ...row,
          question: `<image>\n${row.question}`,
          answer_masked: row.answer,
          pred_masked: row.pred.replace(/other\d/g, '<MASK> $& </MASK>'),
          src: 'bench',
          sample_id: id,
        }),
    },
    jsonl: {
      before: '',
      between: '\n',
      after: '\n',
      row: ({ id, question, answer, pred, video }) =>
        JSON.stringify({
          id,
          videos: [video],
          prompt: [{ role: 'user', content: question }],
          chosen: [{ role: 'assistant', content: `${answer} ${answer}` }],
          rejected: [{ role: 'assistant', content: `${pred} ${pred}` }],
        }),
    },
    csv: {
      before: 'id,video,question,answer,pred\n',
      between: '',
      after: '',
      row: ({ id, video, question, answer, pred }) =>
        writeRecord([id, video, question, `${answer}\n"${answer}"`, `${pred}\n"${pred}"`], ','),
    },
  };

/** Writes rows until `rows` or `bytes` are reached; returns how many. */
async function writeRows(file: string, format: string, rows: number, bytes: number): Promise<number> {
  const shape = shapes[format];
  const random = new Random('bench/import');
  const stream = createWriteStream(file, { highWaterMark: 1 << 20 });
  stream.write(shape.before);
  let written = 0;
  let n = 0;
  while (n < rows && written < bytes) {
    const text = `${n > 0 ? shape.between : ''}${shape.row(makeRow(random, n))}`;
    written += Buffer.byteLength(text);
    n++;
    if (!stream.write(text)) await once(stream, 'drain');
  }
  stream.end(shape.after);
  await once(stream, 'finish');
  return n;
}

/** Saves of a pair as an editor makes them; times are counted from when the save was due, so that a busy host counts. */
class Saver {
  readonly times: number[] = [];
  readonly #save: (text: string) => Promise<unknown>;
  #stop = false;
  #done: Promise<void> | undefined;

  constructor(save: (text: string) => Promise<unknown>) {
    this.#save = save;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    let due = performance.now() + SAVE_EVERY;
    for (let n = 0; !this.#stop; n++) {
      await setTimeout(Math.max(0, due - performance.now()));
      await this.#save(`Edit number ${n}.`);
      this.times.push(performance.now() - due);
      due = Math.max(due + SAVE_EVERY, performance.now());
    }
  }
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;

async function bench(format: string, home: string): Promise<Record<string, string>> {
  const file = path.join(home, `rows.${format}`);
  const rows = await writeRows(
    file,
    format,
    values.gb === undefined ? Number(values.rows) : Infinity,
    values.gb === undefined ? Infinity : Number(values.gb) * 1e9,
  );
  const { size } = statSync(file);
  const workbench = new Workbench('cli');
  const client = createRouterClient(createRouter(workbench));
  let peak = 0;
  let told = 0;
  let jobId = '';
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
    const job = workbench.jobs.get(jobId);
    // A full-size run takes a quarter of an hour and more.
    if (!job?.progress || job.progress < told + 0.1 || size < 1e8) return;
    told = job.progress;
    console.log(
      `  ${new Date().toISOString().slice(11, 19)} ${job.detail}, peak ${Math.round(peak / 1e6)} MB, ${Math.round(job.secondsLeft ?? 0)} s left`,
    );
  }, 50);
  try {
    await client.project.create({ path: path.join(home, `project-${format}`), name: 'bench' });
    // A pair to be edited meanwhile.
    const seed = path.join(home, 'seed.json');
    await writeRows(seed, 'json', 1, Infinity);
    await workbench.jobs.ended((await client.library.runImport({ path: seed })).id);
    const [{ id }] = (await client.pairs.list({ filter: {}, offset: 0, limit: 1 })).rows;
    let pair: Pair = await client.pairs.get({ pairId: id });
    const saver = new Saver(async (rejected) => {
      pair = await client.pairs.save({
        pairId: pair.id,
        baseVersion: pair.version,
        chosen: pair.chosen,
        rejected,
        phrases: [],
      });
    });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    // By the clock a pause is also what other programs take; by the processor it is ours alone.
    let step = 0;
    let last = process.cpuUsage();
    const steps = setInterval(() => {
      const { user, system } = process.cpuUsage(last);
      step = Math.max(step, (user + system) / 1000);
      last = process.cpuUsage();
    }, 1);
    saver.start();
    delay.enable();
    const start = performance.now();
    const cpu = process.cpuUsage();
    // Half of it, a cancel, and the rest.
    const first = await client.library.runImport({ path: file });
    jobId = first.id;
    while ((workbench.jobs.get(first.id)?.progress ?? 0) < 0.5 && !ended(workbench.jobs.get(first.id)))
      await setTimeout(20);
    const cancelled = performance.now();
    await client.jobs.cancel({ jobId: first.id });
    await workbench.jobs.ended(first.id);
    const stopped = performance.now();
    const second = await client.library.runImport({ path: file });
    jobId = second.id;
    while (workbench.jobs.get(second.id)?.progress === null) await setTimeout(2);
    const goesOn = performance.now();
    const job = await workbench.jobs.ended(second.id);
    const seconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    delay.disable();
    clearInterval(steps);
    await saver.stop();
    if (job.error) throw new Error(job.error.message);
    const report = ImportReport.parse(job.result);
    const times = saver.times.sort((a, b) => a - b);
    return {
      file: `${(size / 1e9).toFixed(2)} GB, ${rows.toLocaleString('en')} rows`,
      'imported / there already / bad': `${report.imported} / ${report.duplicates} / ${report.failed}`,
      'seconds (processor)': `${seconds.toFixed(1)} (${((used.user + used.system) / 1e6).toFixed(1)})`,
      'rows/s': Math.round(rows / seconds).toLocaleString('en'),
      'processor time a row': `${((used.user + used.system) / 1000 / rows).toFixed(2)} ms`,
      'peak memory (bar 600 MB)': `${Math.round(peak / 1e6)} MB`,
      'longest pause of the host': `${(delay.max / 1e6).toFixed(0)} ms (99.9 %: ${(delay.percentile(99.9) / 1e6).toFixed(0)}), ${step.toFixed(0)} ms of processor time`,
      'save while importing (bar 100 ms)': `${quantile(times, 0.5).toFixed(0)} ms median, ${quantile(times, 0.99).toFixed(0)} in 99 %, ${times.at(-1)?.toFixed(0)} at most, of ${times.length}`,
      'cancel, then first progress again': `${(stopped - cancelled).toFixed(0)} ms, ${(goesOn - stopped).toFixed(0)} ms`,
    };
  } finally {
    clearInterval(watch);
    await workbench.dispose();
  }
}

const ended = (job: Job | undefined): boolean => job === undefined || job.endedAt !== null;

console.log(
  `${os.cpus()[0]?.model}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}`,
);
for (const format of values.format === undefined ? FORMATS : [values.format]) {
  if (!FORMATS.includes(format))
    throw new Error(`--format: expected one of ${FORMATS.join(', ')}, got ${format}`);
  const home = mkdtempSync(path.join(values.folder, 'rrpo-bench-import-'));
  process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
  try {
    console.log(`\n${format}`);
    for (const [what, value] of Object.entries(await bench(format, home)))
      console.log(`  ${what.padEnd(36)} ${value}`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
