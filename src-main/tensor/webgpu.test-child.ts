/**
 * @file Run in a child process by webgpu.test.ts, because the Vulkan driver is chosen by the environment at start-up:
 * runs every op case and the whole RRPO training graph on WebGPU with CPU fallback forbidden, and compares with CPU.
 * Sends one {@link CaseReport} per case.
 */
import { relativeError } from './close.ts';
import { buildTrainingGraph, randomWeights, TINY, trainingFeeds } from './decoder-fixture.ts';
import type { Graph } from './graph.ts';
import { toFloat64 } from './interpreter.ts';
import { createSession, type Tensor } from './onnxruntime.ts';
import { buildCases, CASE_DIMS, NAMED_CASES, type OpCase, typedFeeds } from './op-cases.ts';

/** What the child reports per case. */
export interface CaseReport {
  readonly name: string;
  /** Largest relative error over the outputs, or why the case did not run. */
  readonly error: number | string;
  readonly passed: boolean;
}

function report(name: string, error: number | string, tolerance: number): void {
  process.send?.({
    name,
    error,
    passed: typeof error === 'number' && error < tolerance,
  } satisfies CaseReport);
}

/** Relative error allowed: SwiftShader's sine and cosine are only good to 2e-4, everything else agrees to rounding. */
const TOLERANCE = 1e-5;
const LOOSE: Readonly<Record<string, number>> = { sin: 5e-4, cos: 5e-4 };

async function errorsOf(
  graph: Graph,
  feeds: Record<string, Tensor>,
  dims: Record<string, number>,
): Promise<Record<string, number>> {
  const cpu = await createSession(graph, { dims, threads: 1 });
  const expected = await cpu.run(feeds);
  await cpu.release();
  const gpu = await createSession(graph, { device: 'webgpu', dims });
  const actual = await gpu.run(feeds);
  await gpu.release();
  return Object.fromEntries(
    Object.entries(expected).map(([name, { data }]) => [
      name,
      relativeError(toFloat64(actual[name].data), toFloat64(data)),
    ]),
  );
}

/** One graph with all given cases; when it does not run, halves tell which case is to blame. */
async function check(cases: readonly (readonly [string, OpCase])[]): Promise<void> {
  const { graph, feeds } = buildCases(cases.map(([, each]) => each));
  try {
    const errors = await errorsOf(graph, typedFeeds(graph, feeds), CASE_DIMS);
    cases.forEach(([name], index) => {
      const own = Object.entries(errors).filter(([output]) => output.startsWith(`${index}.`));
      report(name, Math.max(...own.map(([, error]) => error)), LOOSE[name.split(' ')[0]] ?? TOLERANCE);
    });
  } catch (error) {
    const half = cases.length >> 1;
    if (half === 0) return report(cases[0][0], String(error), 0);
    await check(cases.slice(0, half));
    await check(cases.slice(half));
  }
}

const only = process.argv[2] ?? '';
// Graphs of many cases: a session for each would take most of the time.
const chosen = NAMED_CASES.filter(([name]) => name.startsWith(only));
for (let start = 0; start < chosen.length; start += 35) await check(chosen.slice(start, start + 35));
if (only === '') {
  const weights = randomWeights(TINY);
  const graph = buildTrainingGraph(TINY, (target, name, shape) =>
    target.constant(weights.get(name) ?? [], shape),
  );
  const errors = await errorsOf(graph, trainingFeeds(TINY), {});
  // The margin is a difference of sums that nearly cancel, which costs a digit.
  report('RRPO training step', Math.max(...Object.values(errors)), 10 * TOLERANCE);
}
process.disconnect?.();
