/**
 * @file Scenes straight to model pixels, in memory: drawn at clip size, then resized and normalised as the model's video
 * processor does (antialiased bicubic on bytes, rounded after each pass). Stands in for encode + decode while pretraining;
 * `evaluate-sample` measures on real files.
 */
import type { Random } from '../../src-main/platform/random.ts';
import { renderFrame } from '../../resources/world/render.ts';
import { FRAMES, SIZE, type Scene } from '../../resources/world/scene.ts';
import { IMAGE, MODEL_FRAMES, PATCH } from './model-files.ts';

/** Bytes of one model frame, [IMAGE, IMAGE, 3]. */
export const FRAME_BYTES = IMAGE * IMAGE * 3;

function bicubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/** For each output pixel: first input pixel and the weights from there on. */
function taps(inSize: number, outSize: number): { from: number; weights: Float64Array }[] {
  const scale = inSize / outSize;
  return Array.from({ length: outSize }, (_, i) => {
    const middle = (i + 0.5) * scale;
    const from = Math.max(0, Math.floor(middle - 2 * scale + 0.5));
    const to = Math.min(inSize, Math.floor(middle + 2 * scale + 0.5));
    const weights = Float64Array.from({ length: to - from }, (_w, k) =>
      bicubic((k + from - middle + 0.5) / scale),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { from, weights: weights.map((w) => w / sum) };
  });
}
const TAPS = taps(SIZE, IMAGE);
const clampByte = (v: number): number => (v < 0 ? 0 : v > 255 ? 255 : Math.floor(v + 0.5));
const halfway = new Uint8Array(SIZE * IMAGE * 3);

/** [SIZE, SIZE, 3] -> [IMAGE, IMAGE, 3], both uint8: width first, then height. */
function shrink(frame: Uint8Array, out: Uint8Array): void {
  for (let y = 0; y < SIZE; y++)
    for (let x = 0; x < IMAGE; x++) {
      const { from, weights } = TAPS[x];
      let r = 0;
      let g = 0;
      let b = 0;
      for (let k = 0, at = (y * SIZE + from) * 3; k < weights.length; k++, at += 3) {
        const w = weights[k];
        r += w * frame[at];
        g += w * frame[at + 1];
        b += w * frame[at + 2];
      }
      const to = (y * IMAGE + x) * 3;
      halfway[to] = clampByte(r);
      halfway[to + 1] = clampByte(g);
      halfway[to + 2] = clampByte(b);
    }
  const row = IMAGE * 3;
  for (let y = 0; y < IMAGE; y++) {
    const { from, weights } = TAPS[y];
    for (let i = 0; i < row; i++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * halfway[(from + k) * row + i];
      out[y * row + i] = clampByte(sum);
    }
  }
}

/** Frame numbers the model sees: floor(i * FRAMES / MODEL_FRAMES), or evenly spread from first to last. */
export function sampleFrames(rule: 'stride' | 'linspace'): number[] {
  return Array.from({ length: MODEL_FRAMES }, (_, i) =>
    rule === 'stride'
      ? Math.floor((i * FRAMES) / MODEL_FRAMES)
      : Math.floor((i * (FRAMES - 1)) / (MODEL_FRAMES - 1)),
  );
}

const drawn = new Uint8Array(SIZE * SIZE * 3);

/** Draws frame `t` of a scene at model size. */
export function modelFrame(scene: Scene, t: number, out: Uint8Array): void {
  renderFrame(scene, t, drawn);
  shrink(drawn, out);
}

/**
 * Bytes [IMAGE, IMAGE, 3] to the tower's patches [P, 3 * PATCH * PATCH] (channel, row, column) in [-1, 1], with
 * coding-like noise: a shift of each channel for the whole frame and a few levels on each pixel. `random` null: no noise.
 */
export function toPatches(bytes: Uint8Array, out: Float32Array, random: Random | null): void {
  const square = PATCH * PATCH;
  const across = IMAGE / PATCH;
  for (let c = 0; c < 3; c++) {
    const shift = random === null ? 0 : random.between(-6, 6);
    // A draw for every pixel would cost more than the tower; a hash of place and one draw is noise enough.
    const salt = random === null ? 0 : random.uint32();
    for (let y = 0; y < IMAGE; y++)
      for (let x = 0; x < IMAGE; x++) {
        const i = y * IMAGE + x;
        const noise = random === null ? 0 : ((Math.imul(i ^ salt, 0x9e3779b1) >>> 24) / 255 - 0.5) * 8;
        const patch = Math.floor(y / PATCH) * across + Math.floor(x / PATCH);
        const to = (patch * 3 + c) * square + (y % PATCH) * PATCH + (x % PATCH);
        out[to] = (Math.min(255, Math.max(0, bytes[i * 3 + c] + shift + noise)) - 127.5) / 127.5;
      }
  }
}
