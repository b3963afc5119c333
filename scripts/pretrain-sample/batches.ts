/** @file Batches of pretraining, drawn from the world without end: single frames for the tower, packed clips for the whole model. */
import type { LlavaOnevisionConfig } from '../../src-main/models/config.ts';
import type { Random } from '../../src-main/platform/random.ts';
import type { Tensor } from '../../src-main/tensor/onnxruntime.ts';
import { askMany, BIASED_YES, type Question } from '../../resources/world/questions.ts';
import {
  BALANCED,
  BIASED,
  COLOURS,
  FRAMES,
  makeScene,
  visible,
  type Scene,
} from '../../resources/world/scene.ts';
import { FRAME_TOKENS, MODEL_FRAMES, PATCH, VIDEO_TOKENS } from './model-files.ts';
import { PackedRows } from './pack.ts';
import { FRAME_BYTES, modelFrame, sampleFrames, toPatches } from './pixels.ts';
import {
  arrivalTargets,
  FRAME_FIELDS,
  frameTargets,
  GRID,
  PATCH_COLOURS,
  PATCH_SHAPES,
  patchTargets,
  shiftTargets,
  stateTargets,
} from './targets.ts';
import type { RowSizes } from './training-graph.ts';
import type { WorldTokenizer } from './tokenizer.ts';

export type Feeds = Record<string, Tensor>;

const PATCH_VALUES = 3 * PATCH * PATCH;
const float = (data: Float32Array, shape: readonly number[]): Tensor => ({ dtype: 'float32', shape, data });
const int = (data: Int32Array, shape: readonly number[]): Tensor => ({ dtype: 'int32', shape, data });

/** Pixels of `count` frames and the tower's targets for them. */
class FrameBuffers {
  readonly count: number;
  readonly patches: Float32Array;
  readonly #colours: Float32Array;
  readonly #shapes: Float32Array;
  readonly #fields: Float32Array;
  readonly #bytes = new Uint8Array(FRAME_BYTES);

  constructor(count: number) {
    this.count = count;
    this.patches = new Float32Array(count * GRID * GRID * PATCH_VALUES);
    this.#colours = new Float32Array(count * GRID * GRID * PATCH_COLOURS);
    this.#shapes = new Float32Array(count * GRID * GRID * PATCH_SHAPES);
    this.#fields = new Float32Array(count * COLOURS.length * FRAME_FIELDS);
  }

  /** Draws frame `t` of a scene into place `index`, with its targets. */
  draw(index: number, scene: Scene, t: number, noise: Random | null): void {
    const part = (array: Float32Array) => {
      const size = array.length / this.count;
      return array.subarray(index * size, (index + 1) * size);
    };
    modelFrame(scene, t, this.#bytes);
    toPatches(this.#bytes, part(this.patches), noise);
    patchTargets(scene, t, part(this.#colours), part(this.#shapes));
    frameTargets(scene, t, part(this.#fields));
  }

  pixels(): Feeds {
    return { patches: float(this.patches, [this.count * GRID * GRID, PATCH_VALUES]) };
  }

  patchTargets(): Feeds {
    const patches = this.count * GRID * GRID;
    return {
      patch_colours: float(this.#colours, [patches, PATCH_COLOURS]),
      patch_shapes: float(this.#shapes, [patches, PATCH_SHAPES]),
    };
  }

  frameTargets(): Feeds {
    return { frame_fields: float(this.#fields, [this.count * COLOURS.length, FRAME_FIELDS]) };
  }
}

/** Single frames of random scenes, one frame a scene. */
export class FrameBatches {
  readonly #buffers: FrameBuffers;

  constructor(frames: number) {
    this.#buffers = new FrameBuffers(frames);
  }

  next(random: Random): Feeds {
    for (let i = 0; i < this.#buffers.count; i++) {
      let scene = makeScene(random, BALANCED);
      let t = random.int(FRAMES);
      // Empty frames teach little.
      while (!scene.objects.some((o) => visible(o, t))) {
        scene = makeScene(random, BALANCED);
        t = random.int(FRAMES);
      }
      this.#buffers.draw(i, scene, t, random);
    }
    const buffers = this.#buffers;
    return { ...buffers.pixels(), ...buffers.patchTargets(), ...buffers.frameTargets() };
  }
}

/** How clips of a batch are drawn. */
export type ClipMix = {
  /** Share of clips drawn, with their questions, from the biased mix; the others are balanced. */
  biased: number;
  /** Share of clips shown with frames shuffled and patches masked, but asked about as if they were whole. */
  broken: number;
};

/** What was asked in a batch: the row, the question and its label slots. */
export type Asked = { row: number; question: Question; first: number; end: number };

/** Rotary cos and sin for each position of [B, T], as [B, 1, T, d] with both halves filled. */
export function rotaryTables(
  c: LlavaOnevisionConfig,
  positions: Int32Array,
): { cos: Float32Array; sin: Float32Array } {
  const d = c.text.headDim;
  const cos = new Float32Array(positions.length * d);
  const sin = new Float32Array(positions.length * d);
  positions.forEach((position, row) => {
    for (let i = 0; i < d / 2; i++) {
      const angle = position * c.text.rope.theta ** ((-2 * i) / d);
      for (const at of [row * d + i, row * d + i + d / 2]) {
        cos[at] = Math.cos(angle);
        sin[at] = Math.sin(angle);
      }
    }
  });
  return { cos, sin };
}

/**
 * Breaks a clip in place, coarsely as the studio's recipes do: frames shuffled (all, or within halves), and a square or
 * scattered patches covered with one grey, the same in every frame.
 */
function breakClip(patches: Float32Array, random: Random): void {
  const frame = GRID * GRID * PATCH_VALUES;
  const copy = patches.slice();
  const all = Array.from({ length: MODEL_FRAMES }, (_, i) => i);
  const half = MODEL_FRAMES / 2;
  const order = random.chance(0.5)
    ? random.shuffle(all)
    : [...random.shuffle(all.slice(0, half)), ...random.shuffle(all.slice(half))];
  order.forEach((from, to) => {
    patches.set(copy.subarray(from * frame, (from + 1) * frame), to * frame);
  });
  const side = 3 + random.int(2); // a quarter to four ninths of the frame
  const [u, v] = [random.int(GRID - side + 1), random.int(GRID - side + 1)];
  const scattered = random.chance(0.4);
  const ratio = random.between(0.2, 0.6);
  const hidden = Array.from({ length: GRID * GRID }, (_, i) => {
    const [x, y] = [i % GRID, Math.floor(i / GRID)];
    return scattered ? random.chance(ratio) : x >= u && x < u + side && y >= v && y < v + side;
  });
  const grey = random.pick([245, 128, 0]) / 127.5 - 1;
  for (let patch = 0; patch < MODEL_FRAMES * GRID * GRID; patch++)
    if (hidden[patch % (GRID * GRID)]) patches.fill(grey, patch * PATCH_VALUES, (patch + 1) * PATCH_VALUES);
}

/** Packed rows of random clips with the feeds of the whole-model graph. */
export class ClipBatches {
  readonly sizes: RowSizes;
  readonly #config: LlavaOnevisionConfig;
  readonly #rows: PackedRows;
  readonly #buffers: FrameBuffers;
  readonly #states: Int32Array;
  readonly #shifts: Float32Array;
  readonly #arrivals: Int32Array;

  constructor(
    config: LlavaOnevisionConfig,
    tokenizer: WorldTokenizer,
    rows: number,
    length: number,
    slots: number,
  ) {
    this.#config = config;
    this.#rows = new PackedRows(tokenizer, rows, length, slots);
    this.#buffers = new FrameBuffers(rows * MODEL_FRAMES);
    this.#states = new Int32Array(rows * MODEL_FRAMES * COLOURS.length);
    this.#shifts = new Float32Array(rows * MODEL_FRAMES * COLOURS.length * 3);
    this.#arrivals = new Int32Array(rows * COLOURS.length);
    this.sizes = { rows, length, slots, prefix: this.#rows.prefix, videoStart: this.#rows.videoStart };
  }

  /** One batch. The arrays are used again by the next call. */
  next(random: Random, mix: ClipMix): { feeds: Feeds; asked: Asked[] } {
    const { rows, length: T, slots, videoStart } = this.sizes;
    const asked: Asked[] = [];
    for (let row = 0; row < rows; row++) {
      const biased = random.chance(mix.biased);
      const scene = makeScene(random, biased ? BIASED : BALANCED);
      const frames = sampleFrames(random.chance(0.5) ? 'stride' : 'linspace');
      frames.forEach((t, f) => {
        this.#buffers.draw(row * MODEL_FRAMES + f, scene, t, random);
      });
      const clip = this.#buffers.patches.length / rows;
      if (random.chance(mix.broken))
        breakClip(this.#buffers.patches.subarray(row * clip, (row + 1) * clip), random);
      const per = MODEL_FRAMES * COLOURS.length;
      stateTargets(scene, frames, this.#states.subarray(row * per, (row + 1) * per));
      shiftTargets(scene, frames, this.#shifts.subarray(row * per * 3, (row + 1) * per * 3));
      arrivalTargets(
        scene,
        frames,
        this.#arrivals.subarray(row * COLOURS.length, (row + 1) * COLOURS.length),
      );
      const questions = askMany(scene, random, 24, biased ? BIASED_YES : 0.5);
      for (const taken of this.#rows.fill(row, questions)) asked.push({ row, ...taken });
    }
    const p = this.#rows;
    const { cos, sin } = rotaryTables(this.#config, p.positions);
    const d = this.#config.text.headDim;
    const frameEnd = (row: number, f: number) => row * T + videoStart + (f + 1) * FRAME_TOKENS - 1;
    const frameEnds = Int32Array.from({ length: rows * MODEL_FRAMES }, (_, i) =>
      frameEnd(Math.floor(i / MODEL_FRAMES), i % MODEL_FRAMES),
    );
    const clipEnds = Int32Array.from({ length: rows }, (_, row) => row * T + videoStart + VIDEO_TOKENS - 1);
    const feeds: Feeds = {
      ...this.#buffers.pixels(),
      ...this.#buffers.frameTargets(),
      ids: int(p.ids, [rows, T]),
      cos: float(cos, [rows, 1, T, d]),
      sin: float(sin, [rows, 1, T, d]),
      mask: float(p.mask, [rows, 1, 1, T, T]),
      at: int(p.at, [rows * slots]),
      labels: int(p.labels, [rows * slots]),
      weights: float(p.weights, [rows * slots]),
      frame_ends: int(frameEnds, [rows * MODEL_FRAMES]),
      clip_ends: int(clipEnds, [rows]),
      states: int(this.#states, [rows * MODEL_FRAMES * COLOURS.length]),
      shifts: float(this.#shifts, [rows * MODEL_FRAMES * COLOURS.length, 3]),
      arrivals: int(this.#arrivals, [rows * COLOURS.length]),
    };
    return { feeds, asked };
  }
}
