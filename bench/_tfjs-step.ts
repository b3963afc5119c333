/**
 * @file The same RRPO LoRA step as a plain TensorFlow.js loop: decoder, loss and `tf.variableGrads` written with its ops, the two
 * answers as two rows, its CPU backend (the one that runs everywhere in Node without a build). For the benchmark only.
 */
import * as tf from '@tensorflow/tfjs';
import { ropeTables } from '../src-main/models/families/rope.ts';
import type { EncodedAnswer, EncodedPair } from '../src-main/align/batch.ts';
import type { Size } from './train.ts';

const PROJECTIONS = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
type Projection = (typeof PROJECTIONS)[number];

/** A step ready to run: returns the loss and takes one AdamW-like update (tf.train.adam). */
export type TfjsStep = { run: () => number; dispose: () => void };

/** Builds the model with random weights. */
export async function tfjsStep(size: Size, pair: EncodedPair): Promise<TfjsStep> {
  await tf.setBackend('cpu');
  await tf.ready();
  const headDim = size.hidden / size.heads;
  const kv = headDim * size.kvHeads;
  const shapes: Record<Projection, [number, number]> = {
    q: [size.hidden, size.hidden],
    k: [size.hidden, kv],
    v: [size.hidden, kv],
    o: [size.hidden, size.hidden],
    gate: [size.hidden, size.ffn],
    up: [size.hidden, size.ffn],
    down: [size.ffn, size.hidden],
  };
  const random = (shape: number[]) => tf.randomUniform(shape, -0.035, 0.035, 'float32', 7);
  const layers = Array.from({ length: size.layers }, (_, layer) => {
    const make = (name: Projection) => {
      const [width, out] = shapes[name];
      return {
        weight: random([width, out]) as tf.Tensor2D,
        a: tf.variable(random([width, size.rank]), true, `${layer}.${name}.a`) as tf.Tensor2D,
        b: tf.variable(tf.zeros([size.rank, out]), true, `${layer}.${name}.b`) as tf.Tensor2D,
      };
    };
    return Object.fromEntries(PROJECTIONS.map((name) => [name, make(name)])) as Record<
      Projection,
      ReturnType<typeof make>
    >;
  });
  const embedding = random([size.vocab, size.hidden]) as tf.Tensor2D;
  const head = random([size.hidden, size.vocab]) as tf.Tensor2D;
  const optimizer = tf.train.adam(1e-4);

  const norm = (x: tf.Tensor) => x.mul(tf.rsqrt(x.square().mean(-1, true).add(1e-6)));

  /** Logits at the positions that predict one answer, with the adapter or without. */
  const logits = (answer: EncodedAnswer, adapted: boolean): tf.Tensor2D => {
    const ids = [...pair.prompt, ...answer.ids.slice(0, -1)];
    const length = ids.length;
    const tables = ropeTables({ type: 'default', theta: 1e6 }, headDim, [...ids.keys()]);
    const [cos, sin] = [tables.cos, tables.sin].map((t) => tf.tensor(t, [length, headDim]));
    const mask = tf.linalg
      .bandPart(tf.ones([length, length]), -1, 0)
      .sub(1)
      .mul(1e9);
    const linear = (x: tf.Tensor, m: (typeof layers)[number][Projection]) => {
      const base = tf.matMul(x, m.weight);
      return adapted ? base.add(tf.matMul(tf.matMul(x as tf.Tensor2D, m.a).mul(2), m.b)) : base;
    };
    const split = (x: tf.Tensor, heads: number) => x.reshape([length, heads, headDim]).transpose([1, 0, 2]);
    const rotate = (x: tf.Tensor) => {
      const [first, second] = tf.split(x, 2, -1);
      return x.mul(cos).add(tf.concat([second.neg(), first], -1).mul(sin));
    };
    let x: tf.Tensor = tf.gather(embedding, tf.tensor1d(ids, 'int32'));
    for (const layer of layers) {
      const y = norm(x);
      const group = size.heads / size.kvHeads;
      const repeat = (t: tf.Tensor) =>
        t.expandDims(1).tile([1, group, 1, 1]).reshape([size.heads, length, headDim]);
      const q = rotate(split(linear(y, layer.q), size.heads));
      const k = repeat(rotate(split(linear(y, layer.k), size.kvHeads)));
      const v = repeat(split(linear(y, layer.v), size.kvHeads));
      const scores = tf.matMul(q, k, false, true).div(Math.sqrt(headDim)).add(mask);
      const mixed = tf.matMul(tf.softmax(scores), v).transpose([1, 0, 2]).reshape([length, size.hidden]);
      x = x.add(linear(mixed, layer.o));
      const z = norm(x);
      const gate = linear(z, layer.gate);
      x = x.add(linear(gate.mul(gate.sigmoid()).mul(linear(z, layer.up)), layer.down));
    }
    const labelled = tf.gather(norm(x), tf.range(pair.prompt.length - 1, length, 1, 'int32'));
    return tf.matMul(labelled, head);
  };

  const terms = (answer: EncodedAnswer, referenceLogits: tf.Tensor2D) => {
    const policy = tf.logSoftmax(logits(answer, true));
    const reference = tf.logSoftmax(referenceLogits);
    const one = tf.oneHot(tf.tensor1d([...answer.ids], 'int32'), size.vocab);
    const marks = tf.tensor1d(Array.from(answer.phraseOf, (k) => (k > 0 ? 1 : 0)));
    return {
      reward: policy.sub(reference).mul(one).sum(-1).mul(marks).sum(),
      kl: reference.exp().mul(reference.sub(policy)).sum(),
    };
  };

  return {
    run: () => {
      const references = [pair.chosen, pair.rejected].map((answer) => tf.tidy(() => logits(answer, false)));
      const cost = optimizer.minimize(() => {
        const chosen = terms(pair.chosen, references[0]);
        const rejected = terms(pair.rejected, references[1]);
        const margin = chosen.reward.sub(rejected.reward).mul(0.1);
        return tf.softplus(margin.neg()).add(chosen.kl.mul(0.01)).asScalar();
      }, true)!;
      const loss = cost.dataSync()[0];
      tf.dispose([cost, ...references]);
      return loss;
    },
    dispose: () => tf.disposeVariables(),
  };
}
