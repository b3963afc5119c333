/** @file Benchmark of one RRPO training step on ONNX Runtime at the middle size: `node bench/engine.ts [webgpu]`. */
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  buildTrainingGraph,
  MIDDLE,
  randomWeights,
  trainingFeeds,
} from '../src-main/tensor/decoder-fixture.ts';
import { createSession } from '../src-main/tensor/onnxruntime.ts';
import { optimizeGraph } from '../src-main/tensor/optimize.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'engine-bench-'));
try {
  const file = path.join(folder, 'weights.bin');
  const offsets = new Map<string, number>();
  const handle = openSync(file, 'w');
  let offset = 0;
  for (const [name, data] of randomWeights(MIDDLE)) {
    offsets.set(name, offset);
    offset += writeSync(handle, new Uint8Array(data.buffer));
  }
  const graph = buildTrainingGraph(MIDDLE, (target, name, shape) => {
    const length = shape.reduce((product, dim) => product * dim, 4);
    return target.weight(name, 'float32', shape, { file, offset: offsets.get(name) ?? 0, length });
  });
  const started = performance.now();
  const lean = optimizeGraph(graph);
  console.log(`graph: ${graph.nodes.length} values, ${lean.nodes.length} after rewriting (${ms(started)})`);
  const compiling = performance.now();
  const device = process.argv.includes('webgpu') ? 'webgpu' : 'cpu';
  const session = await createSession(graph, { device, threads: Number(process.env.THREADS ?? 2) });
  console.log(`session: ${ms(compiling)}, weights ${session.weights.mode}`);
  const feeds = trainingFeeds(MIDDLE);
  const times: number[] = [];
  let loss = NaN;
  for (let step = 0; step < 8; step++) {
    const begin = performance.now();
    const cpu = process.cpuUsage();
    const results = await session.run(feeds);
    const used = process.cpuUsage(cpu);
    loss = results.loss.data[0] as number;
    times.push(performance.now() - begin);
    console.log(`step ${step}: ${ms(begin)}, ${((used.user + used.system) / 1000).toFixed(0)} ms of CPU`);
  }
  times.sort((a, b) => a - b);
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(
    `loss ${loss.toFixed(6)}; median ${times[4].toFixed(0)} ms, best ${times[0].toFixed(0)} ms; peak ${peak.toFixed(0)} MB`,
  );
  await session.release();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function ms(since: number): string {
  return `${(performance.now() - since).toFixed(0)} ms`;
}
