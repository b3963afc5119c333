/**
 * @file One RRPO training step through the program's own layout, graph and optimizer, with random weights: with a shared prompt
 * and in two rows, against a plain TensorFlow.js loop. Each case runs in a process of its own, so that peaks are its own.
 * Target at the mid size on two quiet cores: 420 ms a pair with a shared prompt, peak below 1.5 GB (PyTorch 2.13/2.14
 * there: 870 to 1270 ms). Run: `node bench/train.ts [--case shared|two-rows|tfjs] [--steps 8] [--device cpu|webgpu]`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { AdamW } from '../src-main/align/adamw.ts';
import { adapterParameters, initialAdapter } from '../src-main/align/adapter.ts';
import { layOut, type EncodedAnswer, type EncodedPair } from '../src-main/align/batch.ts';
import { parseTrainingConfig } from '../src-main/align/config.ts';
import { memoryUse } from '../src-main/align/metrics.ts';
import { TrainingStep } from '../src-main/align/training-graph.ts';
import { openCheckpoint } from '../src-main/models/checkpoint.ts';
import { parseModelConfig } from '../src-main/models/config.ts';
import { elementCount, writeSafetensors } from '../src-main/models/safetensors.ts';
import { weightShapes } from '../src-main/models/tensor-names.ts';
import { isMain } from '../src-main/platform/entries.ts';
import { Random } from '../src-main/platform/random.ts';

/** A decoder and a pair to train it on. */
export type Size = {
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  ffn: number;
  vocab: number;
  /** Prompt tokens, video included, and tokens of each answer. */
  prompt: number;
  answer: number;
  rank: number;
};

/** The mid size of docs/architecture.md. */
const MID: Size = {
  hidden: 512,
  layers: 8,
  heads: 8,
  kvHeads: 4,
  ffn: 1536,
  vocab: 8192,
  prompt: 448,
  answer: 64,
  rank: 16,
};

/** What TensorFlow.js gets in a bearable time: its CPU backend is two orders of magnitude slower. */
const SMALL: Size = {
  ...MID,
  hidden: 128,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  ffn: 384,
  vocab: 1024,
  prompt: 96,
  answer: 16,
};

/** What a case reports. Times in milliseconds per pair, optimizer included; cpu is over all threads. */
export type Measured = {
  median: number;
  best: number;
  cpu: number;
  peakMb: number;
  loss: number;
  tokens: number;
};

/** Multiply-adds x 2 of one step's dense products: policy and reference forward, and the backward pass by activations. */
function gigaFlops(size: Size, rows: 1 | 2): number {
  const kv = (size.hidden / size.heads) * size.kvHeads;
  const layer = 2 * size.hidden * size.hidden + 2 * size.hidden * kv + 3 * size.hidden * size.ffn;
  const tokens = rows === 1 ? size.prompt + 2 * size.answer : 2 * (size.prompt + size.answer);
  return (3 * 2 * (layer * size.layers * tokens + 2 * size.answer * size.hidden * size.vocab)) / 1e9;
}

async function writeRandomCheckpoint(dir: string, size: Size): Promise<void> {
  const config = {
    model_type: 'qwen2',
    hidden_size: size.hidden,
    num_hidden_layers: size.layers,
    num_attention_heads: size.heads,
    num_key_value_heads: size.kvHeads,
    intermediate_size: size.ffn,
    vocab_size: size.vocab,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
  };
  const random = new Random('bench/train');
  await writeFile(path.join(dir, 'config.json'), JSON.stringify(config));
  const tensors = [...weightShapes(parseModelConfig(config, 'bench'))].map(([name, shape]) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: () =>
      Float32Array.from({ length: elementCount(shape) }, () =>
        name.includes('norm') ? 1 : random.between(-0.035, 0.035),
      ),
  }));
  await writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
}

/** A pair of random tokens; a quarter of each answer is marked. */
function randomPair(size: Size): EncodedPair {
  const random = new Random('bench/pair');
  const tokens = (n: number) => Array.from({ length: n }, () => random.int(size.vocab));
  const answer = (): EncodedAnswer => ({
    ids: tokens(size.answer),
    responseLength: size.answer,
    phraseOf: Array.from({ length: size.answer }, (_, i) => (i % 4 === 0 ? 1 : 0)),
  });
  return { id: 'bench', prompt: tokens(size.prompt), promptLabels: [], chosen: answer(), rejected: answer() };
}

async function measure(
  size: Size,
  prefixSharing: boolean,
  steps: number,
  device: 'cpu' | 'webgpu',
  threads?: number,
): Promise<Measured> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-bench-train-'));
  try {
    await writeRandomCheckpoint(dir, size);
    const checkpoint = await openCheckpoint(dir);
    const config = parseTrainingConfig({
      prefixSharing,
      loraRank: size.rank,
      loraAlpha: 2 * size.rank,
      device,
    });
    const adapter = initialAdapter(checkpoint.config, config.loraRank, config.loraAlpha, config.seed);
    const optimizer = new AdamW(adapterParameters(adapter), config);
    const step = new TrainingStep(checkpoint, config, { device, threads });
    const pair = randomPair(size);
    const times: number[] = [];
    const cpus: number[] = [];
    let loss = NaN;
    let tokens = 0;
    for (let i = 0; i < steps + 2; i++) {
      const started = performance.now();
      const cpu = process.cpuUsage();
      const layout = layOut(pair, config);
      const result = await step.run(adapter, layout, null, 1);
      optimizer.step(result.gradients, 1e-4);
      const used = process.cpuUsage(cpu);
      if (i >= 2) times.push(performance.now() - started);
      if (i >= 2) cpus.push((used.user + used.system) / 1000);
      loss = result.metrics.loss;
      tokens = layout.rows * layout.length;
    }
    await step.release();
    return report(times, cpus, loss, tokens);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Sorts times and adds the process's peak. */
async function report(times: number[], cpus: number[], loss: number, tokens: number): Promise<Measured> {
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const { rssMb, peakMb } = await memoryUse();
  return {
    median: middle(times),
    best: Math.min(...times),
    cpu: middle(cpus),
    peakMb: peakMb ?? rssMb,
    loss,
    tokens,
  };
}

async function measureTfjs(size: Size, steps: number): Promise<Measured> {
  // Imported here: it is a dev dependency, and its start-up would count in the other cases.
  const { tfjsStep } = await import('./_tfjs-step.ts');
  const step = await tfjsStep(size, randomPair(size));
  const times: number[] = [];
  const cpus: number[] = [];
  let loss = NaN;
  for (let i = 0; i < steps + 1; i++) {
    const started = performance.now();
    const cpu = process.cpuUsage();
    loss = step.run();
    const used = process.cpuUsage(cpu);
    if (i >= 1) times.push(performance.now() - started);
    if (i >= 1) cpus.push((used.user + used.system) / 1000);
  }
  step.dispose();
  return report(times, cpus, loss, 2 * (size.prompt + size.answer));
}

/** The cases of the table: name, size, rows, arguments of the child. */
const CASES = [
  { name: 'ours, shared prompt', size: MID, rows: 1, args: ['--case', 'shared'] },
  { name: 'ours, two rows', size: MID, rows: 2, args: ['--case', 'two-rows'] },
  { name: 'ours, two rows, small', size: SMALL, rows: 2, args: ['--case', 'two-rows', '--small'] },
  { name: 'TensorFlow.js cpu, small', size: SMALL, rows: 2, args: ['--case', 'tfjs', '--small'] },
] as const;

function table(extra: readonly string[]): void {
  const describe = (s: Size) =>
    `hidden ${s.hidden}, ${s.layers} layers, ${s.heads} heads / ${s.kvHeads} kv, FFN ${s.ffn}, vocabulary ${s.vocab}, ${s.prompt} + ${s.answer} tokens, r ${s.rank}`;
  const load = os.loadavg()[0];
  const busy = load > 1 ? ' (busy: wall times are not those of a quiet machine; compare CPU times)' : '';
  console.log(
    `machine  ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, load ${load.toFixed(1)}${busy}, node ${process.version}`,
  );
  console.log(`mid      ${describe(MID)}`);
  console.log(`small    ${describe(SMALL)}`);
  console.log('case                        GFLOP   ms/pair     best   CPU ms   GFLOP/CPU-s   peak MB');
  const found = new Map<string, { gflops: number; measured: Measured }>();
  for (const { name, size, rows, args } of CASES) {
    const steps = name.startsWith('TensorFlow') ? ['--steps', '2'] : [];
    const child = spawnSync(process.execPath, [import.meta.filename, ...steps, ...args, ...extra], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.status !== 0) throw new Error(`bench: case "${name}" ended with code ${child.status}`);
    const measured = JSON.parse(child.stdout.trim().split('\n').at(-1)!) as Measured;
    const gflops = gigaFlops(size, rows);
    found.set(name, { gflops, measured });
    const columns = [
      gflops.toFixed(2),
      measured.median.toFixed(0),
      measured.best.toFixed(0),
      measured.cpu.toFixed(0),
    ];
    const rate = ((1000 * gflops) / measured.cpu).toFixed(1);
    console.log(
      `${name.padEnd(26)}${columns.map((c) => c.padStart(9)).join('')}${rate.padStart(14)}${measured.peakMb.toFixed(0).padStart(10)}`,
    );
  }
  const of = (name: (typeof CASES)[number]['name']) => found.get(name)!;
  const [shared, two] = [of('ours, shared prompt'), of('ours, two rows')];
  const [small, tfjs] = [of('ours, two rows, small'), of('TensorFlow.js cpu, small')];
  const rate = ({ gflops, measured }: typeof tfjs) => gflops / measured.cpu;
  console.log(
    `two rows / shared prompt            ${(two.measured.best / shared.measured.best).toFixed(2)} x (best wall), ${(two.measured.cpu / shared.measured.cpu).toFixed(2)} x (CPU)`,
  );
  console.log(
    `TensorFlow.js / ours, same size     ${(tfjs.measured.cpu / small.measured.cpu).toFixed(0)} x (CPU time)`,
  );
  console.log(`TensorFlow.js / ours, per FLOP, mid ${(rate(two) / rate(tfjs)).toFixed(0)} x (CPU time)`);
  console.log(`target   at most 420 ms/pair with a shared prompt on two quiet cores, peak below 1500 MB`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' },
      steps: { type: 'string', default: '8' },
      device: { type: 'string', default: 'cpu' },
      threads: { type: 'string' },
      small: { type: 'boolean', default: false },
    },
  });
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  const size = values.small ? SMALL : MID;
  if (values.case === undefined) {
    table(process.argv.slice(2));
  } else if (values.case === 'tfjs') {
    console.log(JSON.stringify(await measureTfjs(size, Number(values.steps))));
  } else {
    const device = values.device === 'webgpu' ? 'webgpu' : 'cpu';
    const sharing = values.case === 'shared';
    console.log(JSON.stringify(await measure(size, sharing, Number(values.steps), device, threads)));
  }
}

if (isMain(import.meta.url)) await main();
