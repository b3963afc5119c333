/**
 * @file The two graphs of pretraining: the tower alone with its auxiliary heads (warm-up), and the whole model over packed
 * rows with both kinds of heads. Weights are inputs; outputs are losses, predictions and (with `train`) all gradients.
 */
import type { Parameter } from '../../src-main/align/adamw.ts';
import type { LlavaOnevisionConfig } from '../../src-main/models/config.ts';
import type { Random } from '../../src-main/platform/random.ts';
import { gradients } from '../../src-main/tensor/autodiff.ts';
import { Graph, type Value } from '../../src-main/tensor/graph.ts';
import { crossEntropy, linear, rmsNorm } from '../../src-main/tensor/nn.ts';
import { add, argMax, expand, gather, mul, reshape } from '../../src-main/tensor/ops.ts';
import { COLOURS } from '../../resources/world/scene.ts';
import { MODEL_FRAMES, VIDEO_TOKENS } from './model-files.ts';
import { decode, frameLoss, project, shiftLoss, softCrossEntropy, tower } from './network.ts';
import { FRAME_FIELDS, GRID, PATCH_COLOURS, PATCH_SHAPES, STATES } from './targets.ts';

/** Sizes of the batch a whole-model graph is built for. */
export type RowSizes = { rows: number; length: number; slots: number; prefix: number; videoStart: number };

/** Shapes of the heads that pretraining adds and throws away, by name. */
function headShapes(c: LlavaOnevisionConfig): Map<string, readonly number[]> {
  const heads: [string, number, number][] = [
    ['aux.patch_colour', PATCH_COLOURS, c.vision.hidden],
    ['aux.patch_shape', PATCH_SHAPES, c.vision.hidden],
    ['aux.frame', COLOURS.length * FRAME_FIELDS, c.vision.hidden],
    ['aux.place', COLOURS.length * FRAME_FIELDS, c.text.hidden],
    ['aux.shift', COLOURS.length * 2, c.text.hidden],
    ['aux.state', COLOURS.length * STATES, c.text.hidden],
    ['aux.arrival', COLOURS.length * (MODEL_FRAMES + 1), c.text.hidden],
  ];
  return new Map(
    heads.flatMap(([name, out, inSize]): [string, readonly number[]][] => [
      [`${name}.weight`, [out, inSize]],
      [`${name}.bias`, [out]],
    ]),
  );
}

/** Fresh heads: weights normal with deviation 1/sqrt(in), biases zero. */
export function initialHeads(c: LlavaOnevisionConfig, random: Random): Parameter[] {
  return [...headShapes(c)].map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const stream = random.fork(name);
    if (shape.length === 2)
      for (let i = 0; i < data.length; i++) data[i] = stream.normal() / Math.sqrt(shape[1]);
    return { name, shape, data };
  });
}

/** A graph, the parameters it reads, and those of them whose gradients it gives out as `grad.<name>`. */
export type TrainingGraph = { graph: Graph; parameters: readonly string[]; trained: readonly string[] };

/** Parameters of the vision tower and of its heads: trained by the tower graph, frozen in the whole-model graph. */
const ofTower = (name: string): boolean =>
  name.startsWith('vision_tower.') || /^aux\.(patch|frame)/.test(name);

/** Declares every parameter as an input on first use. */
function lazyWeights(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>) {
  const used = new Map<string, Value>();
  const weights = (name: string): Value => {
    let value = used.get(name);
    if (value === undefined) {
      const shape = shapes.get(name);
      if (shape === undefined) throw new Error(`internal: training graph: no parameter "${name}"`);
      value = graph.input(name, 'float32', shape);
      used.set(name, value);
    }
    return value;
  };
  return { weights, used };
}

/** Declares the loss and, with `trains`, the gradients of the parameters it names. */
function finish(
  graph: Graph,
  loss: Value,
  used: ReadonlyMap<string, Value>,
  trains: ((name: string) => boolean) | null,
): TrainingGraph {
  const trained = trains === null ? [] : [...used.keys()].filter(trains);
  graph.output('loss', loss);
  if (trained.length > 0) {
    const grads = gradients(
      loss,
      trained.map((name) => used.get(name)!),
    );
    trained.forEach((name, i) => {
      graph.output(`grad.${name}`, grads[i]);
    });
  }
  return { graph, parameters: [...used.keys()], trained };
}

/** Tower losses: what is in each patch, and where each colour is in each frame. */
function towerLosses(graph: Graph, w: (name: string) => Value, features: Value, frames: number) {
  const patches = frames * GRID * GRID;
  const head = (x: Value, name: string) => linear(x, w(`aux.${name}.weight`), w(`aux.${name}.bias`));
  const patchColour = softCrossEntropy(
    head(features, 'patch_colour'),
    graph.input('patch_colours', 'float32', [patches, PATCH_COLOURS]),
  );
  const patchShape = softCrossEntropy(
    head(features, 'patch_shape'),
    graph.input('patch_shapes', 'float32', [patches, PATCH_SHAPES]),
  );
  // Every patch is to know the whole frame: then each visual token tells the decoder where everything is, and what moved is one
  // comparison of two tokens instead of two sums over nine.
  const each = frames * COLOURS.length;
  const fields = graph.input('frame_fields', 'float32', [each, FRAME_FIELDS]);
  const spread = expand(reshape(fields, [frames, 1, COLOURS.length * FRAME_FIELDS]), [
    frames,
    GRID * GRID,
    COLOURS.length * FRAME_FIELDS,
  ]);
  const frame = frameLoss(
    reshape(head(features, 'frame'), [patches * COLOURS.length, FRAME_FIELDS]),
    reshape(spread, [patches * COLOURS.length, FRAME_FIELDS]),
    FRAME_FIELDS,
  );
  graph.output('patch_colour_loss', patchColour);
  graph.output('patch_shape_loss', patchShape);
  graph.output('frame_loss', frame);
  return add(add(patchColour, patchShape), frame);
}

const patchInput = (graph: Graph, c: LlavaOnevisionConfig, frames: number): Value =>
  graph.input('patches', 'float32', [frames * GRID * GRID, c.vision.channels * c.vision.patchSize ** 2]);

/** Tower and its heads over `frames` single frames. */
export function towerGraph(
  c: LlavaOnevisionConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
  frames: number,
  train: boolean,
): TrainingGraph {
  const graph = new Graph();
  const { weights, used } = lazyWeights(graph, shapes);
  const features = tower(weights, c.vision, patchInput(graph, c, frames), frames);
  return finish(graph, towerLosses(graph, weights, features, frames), used, train ? ofTower : null);
}

/**
 * The whole model over packed rows, the tower frozen (moved by the first noisy gradients of the decoder it forgets what it
 * learned). The scalar `state_weight` scales the auxiliary losses. Outputs `predicted` and
 * `states_predicted`: the most likely token of each slot and state of each colour in each frame.
 */
export function modelGraph(
  c: LlavaOnevisionConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
  sizes: RowSizes,
  train: boolean,
): TrainingGraph {
  const { rows: B, length: T, slots } = sizes;
  const frames = B * MODEL_FRAMES;
  const graph = new Graph();
  const { weights, used } = lazyWeights(graph, shapes);
  const features = tower(weights, c.vision, patchInput(graph, c, frames), frames);
  const d = c.text.headDim;
  const { logits, hidden } = decode(weights, c, {
    batch: B,
    length: T,
    ids: graph.input('ids', 'int32', [B, T]),
    cos: graph.input('cos', 'float32', [B, 1, T, d]),
    sin: graph.input('sin', 'float32', [B, 1, T, d]),
    mask: graph.input('mask', 'float32', [B, 1, 1, T, T]),
    video: project(weights, c, features, frames),
    videoStart: sizes.videoStart,
    videoTokens: VIDEO_TOKENS,
    at: graph.input('at', 'int32', [B * slots]),
  });
  const answers = crossEntropy(
    logits,
    graph.input('labels', 'int32', [B * slots]),
    graph.input('weights', 'float32', [B * slots]),
  );
  // Heads on the last token of each frame (after the first layer: what is where; after the second: what has happened) and on the
  // newline behind the last frame. The layers above are left to the questions.
  const ones = graph.constant(1, [c.text.hidden]);
  const frameEnds = graph.input('frame_ends', 'int32', [frames]);
  const head = (name: string, layer: number, at: Value, fields: number) => {
    const y = linear(
      rmsNorm(gather(hidden[layer], at, 0), ones, c.text.rmsEps), // or the head's error grows with the stream
      weights(`aux.${name}.weight`),
      weights(`aux.${name}.bias`),
    );
    return reshape(y, [Number(at.shape[0]) * COLOURS.length, fields]);
  };
  const each = frames * COLOURS.length;
  const placeLoss = frameLoss(
    head('place', 0, frameEnds, FRAME_FIELDS),
    graph.input('frame_fields', 'float32', [each, FRAME_FIELDS]),
    FRAME_FIELDS,
  );
  const moved = shiftLoss(head('shift', 1, frameEnds, 2), graph.input('shifts', 'float32', [each, 3]));
  const states = head('state', 1, frameEnds, STATES);
  const stateLoss = crossEntropy(states, graph.input('states', 'int32', [each]));
  const clipEnds = graph.input('clip_ends', 'int32', [B]);
  const arrivalLoss = crossEntropy(
    head('arrival', 1, clipEnds, MODEL_FRAMES + 1),
    graph.input('arrivals', 'int32', [B * COLOURS.length]),
  );
  graph.output('place_loss', placeLoss);
  graph.output('shift_loss', moved);
  graph.output('answer_loss', answers);
  graph.output('state_loss', stateLoss);
  graph.output('arrival_loss', arrivalLoss);
  graph.output('predicted', argMax(logits));
  graph.output('states_predicted', argMax(states));
  const watched = add(add(stateLoss, arrivalLoss), add(placeLoss, mul(moved, 2)));
  const loss = add(answers, mul(watched, graph.input('state_weight', 'float32', [])));
  return finish(graph, loss, used, train ? (name) => !ofTower(name) : null);
}
