/**
 * @file What appears together in many answers: reading them for their concepts, counting, and swapping, and how long others
 * wait for a turn. Run: `node bench/concepts.ts [--samples 100000]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SampleLibrary } from '../src-main/library/samples.ts';
import { VideoLibrary } from '../src-main/library/videos.ts';
import { conceptStatistics, conceptsOfVideo, readSamples } from '../src-main/negatives/sample-concepts.ts';
import { proposeSwaps } from '../src-main/negatives/swaps.ts';
import { Random } from '../src-main/platform/random.ts';
import { createProject } from '../src-main/project/project.ts';

const { values } = parseArgs({ options: { samples: { type: 'string', default: '100000' } } });
const N = Number(values.samples);
/** Samples whose swaps are looked for. */
const SWAPPED = Math.min(N, 2000);
const BAR_MS = 100;

const THINGS =
  'dog cat horse ball stick car truck bus man woman child girl boy table chair sofa knife apple bag box'.split(
    ' ',
  );
const LOOKS = 'red blue green white small big old young wooden wet'.split(' ');
const DOINGS = 'holds chases throws watches pushes pulls lifts cleans paints opens'.split(' ');
const PLACES = ['in the park', 'on the street', 'near the river', 'in the kitchen', 'behind the house'];

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bench-'));
process.env.RRPO_WORKBENCH_HOME = home;
const table: Record<string, Record<string, string>> = {};

const processorMs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

/** Runs `work` and notes how much processor time it takes between two turns of others: by the clock that is less on a quiet machine. */
async function beside<T>(name: string, work: () => Promise<T>): Promise<T> {
  const turns: number[] = [];
  let stop = false;
  const watching = (async () => {
    while (!stop) {
      const before = processorMs();
      await new Promise((resolve) => setImmediate(resolve));
      turns.push(processorMs() - before);
    }
  })();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const used = processorMs(cpu);
  stop = true;
  await watching;
  turns.sort((a, b) => a - b);
  const late = turns[Math.floor(turns.length * 0.99)];
  table[name] = {
    s: seconds.toFixed(2),
    'processor s': (used / 1000).toFixed(2),
    'between turns, 99 % ms': late.toFixed(0),
    'longest ms': turns.at(-1)!.toFixed(0),
    'memory MB': (process.memoryUsage().rss / 1e6).toFixed(0),
  };
  if (late > BAR_MS) process.exitCode = 1;
  return result;
}

try {
  const project = await createProject(path.join(home, 'project'), 'bench');
  const { db } = project;
  const random = new Random(1);
  db.transaction(() => {
    const videos = new VideoLibrary(project);
    const samples = new SampleLibrary(project);
    const ids = Array.from({ length: 500 }, (_, k) => {
      const id = videos.addReferenced(path.join(home, `v${k}.mp4`), true);
      videos.stateSplit(id, 'train');
      return id;
    });
    for (let i = 0; i < N; i++)
      samples.add({
        videoId: ids[i % ids.length],
        question: `What happens in part ${i}?`,
        type: 'open_ended',
        chosen: `A ${random.pick(LOOKS)} ${random.pick(THINGS)} ${random.pick(DOINGS)} the ${random.pick(LOOKS)} ${random.pick(THINGS)} ${random.pick(PLACES)}, and the name of it is thing${i % 40000}.`,
        source: 'rows.json',
      });
  });
  await beside('reading the answers, once', () => readSamples(db));
  const statistics = await beside('counting', () => conceptStatistics(db));
  await beside('counting again, unchanged', () => conceptStatistics(db));
  await beside('the forty strongest', () => Promise.resolve(statistics.strongest(40)));
  const all = new SampleLibrary(project).all({}).slice(0, SWAPPED);
  const swaps = await beside(`swapping in ${SWAPPED}`, async () => {
    let found = 0;
    const clips = new Map<string, ReadonlySet<string>>();
    for (const [i, sample] of all.entries()) {
      // In half of them as if nothing else were known of the clip.
      const known = clips.get(sample.videoId) ?? conceptsOfVideo(db, sample.videoId);
      clips.set(sample.videoId, known);
      const inClip = i % 2 ? known : new Set<string>();
      found += proposeSwaps(sample, statistics, { inClip, limit: 1 }).length;
      if (i % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    return found;
  });
  console.log(
    `${N} answers, ${statistics.concepts.length} concepts in pairs, ${swaps} swaps; ${os.cpus()[0].model}, Node ${process.versions.node}; bar ${BAR_MS} ms`,
  );
  console.table(table);
  project.close();
} finally {
  rmSync(home, { recursive: true, force: true });
}
