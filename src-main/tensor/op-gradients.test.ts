/** @file Every op: its gradient against finite differences in float64, and ONNX Runtime's results against the interpreter. */
import { describe, expect, it } from 'vitest';
import { gradients } from './autodiff.ts';
import { relativeError } from './close.ts';
import { toFloat64, interpret } from './interpreter.ts';
import { createSession } from './onnxruntime.ts';
import { buildCase, NAMED_CASES, OP_CASES, typedFeeds } from './op-cases.ts';

describe('case table', () => {
  it('has a case with the op itself in it for every op', () => {
    for (const [op, cases] of Object.entries(OP_CASES)) {
      if (op === 'weight') continue; // needs a file: onnxruntime.test.ts
      expect(cases.length, op).toBeGreaterThan(0);
      for (const each of cases) {
        const ops = buildCase(each).graph.nodes.map((node) => node.op);
        expect(ops, op).toContain(op);
      }
    }
  });
});

describe.each(NAMED_CASES)('%s', (_, each) => {
  const built = buildCase(each);
  const { graph, loss, wrt, feeds } = built;
  gradients(loss, wrt).forEach((gradient, index) => graph.output(`d${index}`, gradient));
  graph.verify();
  const reference = interpret(graph, feeds);

  it('has the gradient that finite differences give', () => {
    const step = 1e-5;
    wrt.forEach((input, index) => {
      const { shape, data } = feeds[input.name ?? ''];
      const numeric = data.map((_value, at) => {
        const [high, low] = [step, -step].map((delta) => {
          const moved = { shape, data: data.with(at, data[at] + delta) };
          return interpret(graph, { ...feeds, [input.name ?? '']: moved }).loss.data[0];
        });
        return (high - low) / (2 * step);
      });
      const scale = Math.max(1, ...numeric.map(Math.abs));
      reference[`d${index}`].data.forEach((value, at) =>
        expect(Math.abs(value - numeric[at]) / scale).toBeLessThan(1e-7),
      );
      expect(reference[`d${index}`].shape).toEqual(shape);
    });
  });

  it('gives the same on ONNX Runtime', async () => {
    const session = await createSession(graph, { threads: 1 });
    const results = await session.run(typedFeeds(graph, feeds));
    await session.release();
    for (const [name, { shape, data }] of Object.entries(reference)) {
      expect(results[name].shape, name).toEqual(shape);
      expect(relativeError(toFloat64(results[name].data), data), name).toBeLessThan(2e-6);
    }
  });
});
