/**
 * @file The gradients of the RRPO training graph against TensorFlow.js's own autodiff: the same decoder and loss, written
 * again from the formulas with TensorFlow.js's ops.
 */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { relativeError } from './close.ts';
import {
  adapterShapes,
  ALPHA,
  BETA,
  buildTrainingGraph,
  LORA_SCALE,
  randomWeights,
  TINY,
  trainingFeeds,
  weightShapes,
} from './decoder-fixture.ts';
import { toFloat64 } from './interpreter.ts';
import { createSession } from './onnxruntime.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
  await tf.ready();
});

/** The loss of the fixture as a function of the adapter matrices, in the order of adapterShapes. */
function tensorflowLoss(): { loss: (...adapters: tf.Tensor[]) => tf.Scalar; adapters: tf.Tensor[] } {
  const sizes = TINY;
  const feeds = trainingFeeds(sizes);
  const dense = (name: string): tf.Tensor =>
    tf.tensor(Float32Array.from(toFloat64(feeds[name].data)), [...feeds[name].shape]);
  const integers = (name: string): tf.Tensor1D =>
    tf.tensor1d(Int32Array.from(toFloat64(feeds[name].data)), 'int32');
  const data = randomWeights(sizes);
  const weights = new Map(
    weightShapes(sizes).map(({ name, shape }) => [name, tf.tensor(data.get(name) ?? [], shape)]),
  );
  const w = (name: string): tf.Tensor => weights.get(name) ?? tf.scalar(NaN);
  const names = adapterShapes(sizes).map(({ name }) => name);
  const [cos, sin, mask] = ['cos', 'sin', 'mask'].map(dense);
  const [ids, positions, targets] = ['ids', 'positions', 'targets'].map(integers);
  const { heads, keyHeads, hidden, vocabulary, response } = sizes;
  const size = hidden / heads;

  const norm = (x: tf.Tensor, weight: tf.Tensor): tf.Tensor =>
    x.mul(tf.rsqrt(x.square().mean(-1, true).add(1e-6))).mul(weight);
  const rotate = (x: tf.Tensor): tf.Tensor => {
    const [first, second] = tf.split(x, 2, -1);
    return x.mul(cos).add(tf.concat([second.neg(), first], -1).mul(sin));
  };
  const split = (x: tf.Tensor, count: number): tf.Tensor => x.reshape([-1, count, size]).transpose([1, 0, 2]);

  /** All positions through all layers, heads repeated: deliberately not the engine's way of computing it. */
  const forward = (adapters: ReadonlyMap<string, tf.Tensor> | null): tf.Tensor2D => {
    const project = (name: string, x: tf.Tensor): tf.Tensor => {
      const y = tf.matMul(x, w(name), false, true);
      const [a, b] = ['A', 'B'].map((side) => adapters?.get(`${name}.${side}`));
      if (!a || !b) return y;
      return y.add(
        tf
          .matMul(tf.matMul(x as tf.Tensor2D, a as tf.Tensor2D, false, true), b as tf.Tensor2D, false, true)
          .mul(LORA_SCALE),
      );
    };
    let x: tf.Tensor = tf.gather(w('embed'), ids);
    for (let layer = 0; layer < sizes.layers; layer++) {
      const normed = norm(x, w(`${layer}.norm1`));
      const q = rotate(split(project(`${layer}.q`, normed), heads));
      const [k, v] = ['k', 'v'].map((name) => {
        const part = split(project(`${layer}.${name}`, normed), keyHeads);
        const turned = name === 'k' ? rotate(part) : part;
        // Head h of the queries uses key head floor(h / group).
        return tf.gather(
          turned,
          Array.from({ length: heads }, (_, head) => Math.floor((head * keyHeads) / heads)),
        );
      });
      const scores = tf.matMul(q, k, false, true).div(Math.sqrt(size)).add(mask);
      const attended = tf.matMul(tf.softmax(scores), v).transpose([1, 0, 2]).reshape([-1, hidden]);
      x = x.add(project(`${layer}.o`, attended));
      const inner = norm(x, w(`${layer}.norm2`));
      const gate = project(`${layer}.gate`, inner);
      x = x.add(project(`${layer}.down`, gate.mul(tf.sigmoid(gate)).mul(project(`${layer}.up`, inner))));
    }
    const labelled = tf.gather(norm(x, w('norm')), positions);
    return tf.logSoftmax(
      tf.matMul<tf.Tensor2D>(labelled as tf.Tensor2D, w('embed') as tf.Tensor2D, false, true),
    );
  };

  const loss = (...adapters: tf.Tensor[]): tf.Scalar => {
    const policy = forward(new Map(names.map((name, index) => [name, adapters[index]])));
    const reference = forward(null);
    const ratios = policy.sub(reference).mul(tf.oneHot(targets, vocabulary)).sum(-1).mul(dense('marks'));
    const margin = ratios.slice(0, response).sum().sub(ratios.slice(response).sum());
    const [p, q] = [policy.slice(0, response), reference.slice(0, response)];
    const kl = q.exp().mul(q.sub(p)).sum();
    return tf.softplus(margin.mul(-BETA)).add(kl.mul(ALPHA));
  };
  return { loss, adapters: names.map(dense) };
}

it('agrees with TensorFlow.js on the loss and on every adapter gradient', async () => {
  const weights = randomWeights(TINY);
  const graph = buildTrainingGraph(TINY, (target, name, shape) =>
    target.constant(weights.get(name) ?? [], shape),
  );
  const session = await createSession(graph, { threads: 1 });
  const results = await session.run(trainingFeeds(TINY));
  await session.release();

  const { loss, adapters } = tensorflowLoss();
  const { value, grads } = tf.valueAndGrads(loss)(adapters);
  expect(relativeError(toFloat64(results.loss.data), value.dataSync())).toBeLessThan(1e-5);
  const names = adapterShapes(TINY).map(({ name }) => name);
  expect(names.length).toBe(28);
  names.forEach((name, index) => {
    const expected = grads[index].dataSync();
    expect(Math.hypot(...expected), name).toBeGreaterThan(1e-4);
    expect(relativeError(toFloat64(results[`d ${name}`].data), expected), name).toBeLessThan(2e-5);
  });
});
