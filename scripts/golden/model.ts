/**
 * @file Checker of model fixtures: tower, projector, residual streams, logits, greedy tokens, loss and gradients of every
 * weight, plus that the layout of transformers 5.x is understood.
 */
import path from 'node:path';
import { exists, matchTensors, openCheckpoint, readJson } from '../../src-main/models/checkpoint.ts';
import type { Checkpoint } from '../../src-main/models/checkpoint.ts';
import { hasVision, parseModelConfig } from '../../src-main/models/config.ts';
import { decoder, embedTokens, headLogits, spliceFeatures } from '../../src-main/models/families/decoder.ts';
import type { FamilyContext } from '../../src-main/models/families/context.ts';
import {
  imageRows,
  imageTaps,
  poolFrames,
  projectPixels,
  tileGrid,
  videoRows,
} from '../../src-main/models/families/llava-onevision.ts';
import { paddedCausalMask, spliceIndex } from '../../src-main/models/families/masks.ts';
import { ropeTables } from '../../src-main/models/families/rope.ts';
import type { SiglipOutputs } from '../../src-main/models/families/siglip.ts';
import { connectPixels, patchLayout, realPictures } from '../../src-main/models/families/smolvlm.ts';
import { readSafetensorsHeader, readTensorFloat32 } from '../../src-main/models/safetensors.ts';
import { frozenWeights, inputWeights, readWeights } from '../../src-main/models/weights.ts';
import { gradients } from '../../src-main/tensor/autodiff.ts';
import { Graph } from '../../src-main/tensor/graph.ts';
import type { Value } from '../../src-main/tensor/graph.ts';
import { crossEntropy } from '../../src-main/tensor/nn.ts';
import { concat, reshape, slice } from '../../src-main/tensor/ops.ts';
import { createSession } from '../../src-main/tensor/onnxruntime.ts';
import type { Tensor } from '../../src-main/tensor/onnxruntime.ts';
import { closeRow, exactRow, isArrayEntry, readFloats, readInts } from './compare.ts';
import type { ArrayEntry } from './compare.ts';
import { greedyRows } from './model-greedy.ts';
import { barOf } from './types.ts';
import type { CheckContext, Checker, Row } from './types.ts';

type Case = {
  name: string;
  inputs: Record<string, ArrayEntry>;
  outputs: Record<string, unknown>;
};
type ModelManifest = {
  cases: Case[];
  weights?: { file?: string; config?: string };
};

/** A graph under construction with what is fed to it. */
class Build {
  readonly graph = new Graph();
  readonly feeds: Record<string, Tensor> = {};

  float(name: string, shape: number[], data: Float32Array): Value {
    this.feeds[name] = { dtype: 'float32', shape, data };
    return this.graph.input(name, 'float32', shape);
  }

  int(name: string, shape: number[], data: Int32Array): Value {
    this.feeds[name] = { dtype: 'int32', shape, data };
    return this.graph.input(name, 'int32', shape);
  }

  async run(context: CheckContext): Promise<Record<string, Tensor>> {
    const session = await createSession(this.graph, { device: context.device });
    try {
      return await session.run(this.feeds);
    } finally {
      await session.release();
    }
  }
}

/** Declares a tower's outputs under their golden names. */
function towerOutputs(graph: Graph, tower: SiglipOutputs): void {
  graph.output('vision.embeddings', tower.embeddings);
  tower.layers.forEach((layer, i) => graph.output(`vision.layer${i}`, layer));
}

/** Visual features of a case as rows [M, H] in prompt order; the placeholder id they replace. */
type Media = { rows: Value; count: number; placeholder: number };

async function media(
  dir: string,
  { config }: Checkpoint,
  build: Build,
  context: FamilyContext,
  inputs: Case['inputs'],
): Promise<Media | undefined> {
  if (!hasVision(config)) return undefined;
  const { graph } = build;
  const entry = inputs.pixel_values_videos ?? inputs.pixel_values;
  if (!entry) return undefined;
  const data = await readFloats(dir, entry);
  const [batch, perItem, ...picture] = entry.shape as [number, number, ...number[]];
  const count = batch * perItem;
  const size = data.length / count;
  const pick = (which: number[]) => {
    const out = new Float32Array(which.length * size);
    which.forEach((from, to) => out.set(data.subarray(from * size, (from + 1) * size), to * size));
    return out;
  };
  if (config.family === 'smolvlm') {
    const real = realPictures(data, count);
    const pixels = build.float('pixels', [real.length, ...picture], pick(real));
    const side = config.vision.imageSize;
    const pixelMask = inputs.pixel_attention_mask
      ? await readInts(dir, inputs.pixel_attention_mask)
      : new Int32Array(count * side * side).fill(1);
    const kept = real.flatMap((n) => [...pixelMask.subarray(n * side * side, (n + 1) * side * side)]);
    const layout = patchLayout(config.vision, kept, real.length);
    const patches = layout.mask.length / real.length;
    const { tower, postNorm, connected } = connectPixels(context, config, {
      pixels,
      positions: build.int('patch_positions', [real.length, patches], layout.positions),
      ...(layout.padded
        ? { mask: build.float('patch_mask', [real.length, 1, 1, 1, patches], layout.mask) }
        : {}),
    });
    towerOutputs(graph, tower);
    graph.output('vision.post_layernorm', postNorm);
    graph.output('vision.connector', connected);
    const [n, tokens, width] = connected.shape as [number, number, number];
    return {
      rows: reshape(connected, [n * tokens, width]),
      count: n * tokens,
      placeholder: config.imageToken,
    };
  }
  if (inputs.pixel_values_videos) {
    const pixels = build.float('pixels', [count, ...picture], data);
    const { tower, projected } = projectPixels(context, config, pixels);
    towerOutputs(graph, tower);
    graph.output('vision.projector', projected);
    const pooled = poolFrames(config, projected);
    const [, tokens, width] = pooled.shape as [number, number, number];
    graph.output('video_features', reshape(pooled, [batch, perItem * tokens, width]));
    const rows = videoRows(context, pooled, batch);
    return { rows, count: rows.shape[0] as number, placeholder: config.videoToken };
  }
  const sizes = await readInts(dir, inputs.image_sizes);
  // Images with fewer tiles than the largest one are padded with pictures that do not count.
  const layouts = Array.from({ length: batch }, (_, i) => {
    const [height, width] = [sizes[2 * i], sizes[2 * i + 1]];
    const [rows, columns] = tileGrid(config, height, width);
    const pictures = perItem === 1 ? 1 : rows * columns + 1;
    return { first: i * perItem, pictures, taps: imageTaps(config, pictures, height, width) };
  });
  const used = layouts.flatMap((l) => Array.from({ length: l.pictures }, (_, k) => l.first + k));
  const pixels = build.float('pixels', [used.length, ...picture], pick(used));
  const { tower, projected } = projectPixels(context, config, pixels);
  towerOutputs(graph, tower);
  graph.output('vision.projector', projected);
  let start = 0;
  const parts = layouts.map(({ pictures, taps }) => {
    const part = slice(projected, 0, start, start + pictures);
    start += pictures;
    return imageRows(context, part, taps);
  });
  const rows = parts.length === 1 ? parts[0] : concat(parts, 0);
  return { rows, count: rows.shape[0] as number, placeholder: config.imageToken };
}

async function* checkCase(
  dir: string,
  checkpoint: Checkpoint,
  fixture: Case,
  context: CheckContext,
): AsyncGenerator<Row> {
  const { config } = checkpoint;
  const { text } = config;
  const idsEntry = fixture.inputs.input_ids;
  const [batch, length] = idsEntry.shape as [number, number];
  const ids = await readInts(dir, idsEntry);
  const attention = fixture.inputs.attention_mask
    ? await readInts(dir, fixture.inputs.attention_mask)
    : new Int32Array(ids.length).fill(1);
  const positions = fixture.inputs.position_ids
    ? await readInts(dir, fixture.inputs.position_ids)
    : Int32Array.from(ids, (_, i) => i % length);

  const build = new Build();
  const { graph } = build;
  const family: FamilyContext = { graph, weights: frozenWeights(graph, checkpoint) };
  const pictures = await media(dir, checkpoint, build, family, fixture.inputs);
  let embeds = embedTokens(family, text, build.int('ids', [batch, length], ids));
  graph.output('lm.embed', embeds);
  if (pictures) {
    const index = spliceIndex(ids, pictures.placeholder, pictures.count);
    embeds = spliceFeatures(embeds, pictures.rows, build.int('splice', [batch, length], index));
    graph.output('features', pictures.rows);
  }
  graph.output('lm.inputs_embeds', embeds);
  const rope = ropeTables(text.rope, text.headDim, positions);
  const tableShape = [batch, length, text.headDim];
  const out = decoder(family, text, {
    embeds,
    cos: build.float('cos', tableShape, rope.cos),
    sin: build.float('sin', tableShape, rope.sin),
    mask: build.float('mask', [batch, 1, 1, length, length], paddedCausalMask(attention, batch, length)),
  });
  out.layers.forEach((layer, i) => graph.output(`lm.layer${i}`, layer));
  graph.output('lm.norm', out.hidden);
  graph.output('logits', headLogits(family, text, out.hidden));
  const results = await build.run(context);

  for (const [name, want] of Object.entries(fixture.outputs)) {
    const label = `${fixture.name}/${name}`;
    if (name === 'greedy_tokens' || name === 'greedy_logits' || name === 'ce_loss' || name === 'ce_grads')
      continue;
    if (!isArrayEntry(want)) continue;
    const got = results[name];
    if (!got) {
      yield {
        output: label,
        error: 1,
        bar: barOf(context),
        pass: false,
        note: 'this checker does not know the output',
      };
      continue;
    }
    const reference = await readFloats(dir, want);
    // What the network computes at padded positions means nothing.
    const meaningless = /^(logits|lm\.layer\d+|lm\.norm)$/.test(name);
    const rowsOf = (values: Float32Array) => {
      if (!meaningless) return values;
      const width = values.length / attention.length;
      return values.filter((_, i) => attention[Math.floor(i / width)] === 1);
    };
    yield closeRow(label, rowsOf(got.data as Float32Array), rowsOf(reference), barOf(context));
  }
  if (isArrayEntry(fixture.outputs.greedy_tokens))
    yield* greedyRows(
      dir,
      checkpoint,
      {
        name: fixture.name,
        ids,
        attention,
        batch,
        tokens: fixture.outputs.greedy_tokens,
        logits: isArrayEntry(fixture.outputs.greedy_logits) ? fixture.outputs.greedy_logits : undefined,
        features: results.features,
        placeholder: pictures?.placeholder,
      },
      context,
    );
  if (fixture.outputs.ce_loss !== undefined || fixture.outputs.ce_grads !== undefined)
    yield* trainingRows(dir, checkpoint, fixture, { ids, batch, length, attention, positions }, context);
}

type Rows = { ids: Int32Array; batch: number; length: number; attention: Int32Array; positions: Int32Array };

/** Cross-entropy of the next token and its gradient by every weight, all weights being inputs. */
async function* trainingRows(
  dir: string,
  checkpoint: Checkpoint,
  fixture: Case,
  { ids, batch, length, attention, positions }: Rows,
  context: CheckContext,
): AsyncGenerator<Row> {
  const { config } = checkpoint;
  const { text } = config;
  const build = new Build();
  const { graph } = build;
  const { weights, values } = inputWeights(graph, config);
  const family: FamilyContext = { graph, weights };
  const pictures = await media(dir, checkpoint, build, family, fixture.inputs);
  let embeds = embedTokens(family, text, build.int('ids', [batch, length], ids));
  if (pictures) {
    const index = spliceIndex(ids, pictures.placeholder, pictures.count);
    embeds = spliceFeatures(embeds, pictures.rows, build.int('splice', [batch, length], index));
  }
  const rope = ropeTables(text.rope, text.headDim, positions);
  const { hidden } = decoder(family, text, {
    embeds,
    cos: build.float('cos', [batch, length, text.headDim], rope.cos),
    sin: build.float('sin', [batch, length, text.headDim], rope.sin),
    mask: build.float('mask', [batch, 1, 1, length, length], paddedCausalMask(attention, batch, length)),
  });
  const rows = batch * (length - 1);
  const inner = reshape(slice(hidden, 1, 0, length - 1), [rows, text.hidden]);
  const targets = Int32Array.from({ length: rows }, (_, i) => {
    const [b, t] = [Math.floor(i / (length - 1)), i % (length - 1)];
    return ids[b * length + t + 1];
  });
  const loss = crossEntropy(headLogits(family, text, inner), build.int('targets', [rows], targets));
  graph.output('ce_loss', loss);
  const names = [...values.keys()];
  const byName = gradients(loss, [...values.values()]);
  byName.forEach((gradient, i) => graph.output(`d.${names[i]}`, gradient));
  for (const [name, data] of await readWeights(checkpoint, names))
    build.feeds[name] = { dtype: 'float32', shape: checkpoint.tensors.get(name)!.shape, data };
  const results = await build.run(context);

  if (typeof fixture.outputs.ce_loss === 'number')
    yield closeRow(
      `${fixture.name}/ce_loss`,
      results.ce_loss.data as Float32Array,
      [fixture.outputs.ce_loss],
      barOf(context),
    );
  const stored = fixture.outputs.ce_grads as { file?: string } | undefined;
  if (!stored?.file) return;
  const header = await readSafetensorsHeader(path.join(dir, stored.file));
  const canonical = new Map([...checkpoint.tensors].map(([name, entry]) => [entry.name, name]));
  const references = new Map<string, Float32Array>();
  for (const entry of header.tensors.values()) references.set(entry.name, await readTensorFloat32(entry));
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const total = Math.hypot(...[...references.values()].map(norm));
  let worst: Row | undefined;
  for (const [stored, want] of references) {
    const name = canonical.get(stored);
    // A weight that the loss does not reach has a gradient of zero and none on our side.
    const got = name === undefined ? undefined : (results[`d.${name}`]?.data as Float32Array | undefined);
    const row = closeRow(
      `${fixture.name}/ce_grads`,
      got ?? new Float32Array(want.length),
      want,
      barOf(context),
    );
    // Some gradients are zero in exact arithmetic (a key bias without rotary positions shifts all scores of a query alike);
    // what is stored of them is rounding noise, so the error is measured against 1e-5 of the whole gradient at least.
    row.error *= Math.min(1, norm(want) / (1e-5 * total));
    row.pass = row.error < barOf(context);
    row.note = `worst of ${references.size}: ${stored}`;
    if (!worst || !(row.error <= worst.error)) worst = row;
  }
  if (worst) yield worst;
  const missing = names.filter((name) => !header.tensors.has(checkpoint.tensors.get(name)!.name));
  yield exactRow(`${fixture.name}/ce_grads names`, { missing }, { missing: [] });
}

/** That transformers 5.x' configuration means the same and its tensor names are found. */
async function* checkV5(dir: string, checkpoint: Checkpoint): AsyncGenerator<Row> {
  const file = path.join(dir, 'v5', 'config.json');
  if (!(await exists(file))) return;
  const v5 = parseModelConfig(await readJson(file, ''), file);
  yield exactRow('v5/config.json', v5, checkpoint.config);
  const listed = (await readJson(path.join(dir, 'v5', 'tensor_names.json'), '')) as { names: string[] };
  // The file lists names only; shapes are those of the published file, matched by suffix order.
  const entries = new Map(
    listed.names.map((name) => {
      const entry = [...checkpoint.tensors.values()].find(
        (e) => e.name === name || e.name.replace('vision_tower.vision_model.', 'vision_tower.') === name,
      );
      return [name, entry ? { ...entry, name } : undefined] as const;
    }),
  );
  const known = new Map([...entries].flatMap(([name, entry]) => (entry ? [[name, entry] as const] : [])));
  const matched = matchTensors(v5, known, file);
  yield exactRow('v5/tensor_names.json', matched.size, checkpoint.tensors.size);
}

/** Model fixtures: a checkpoint and cases of inputs and outputs. */
export const model: Checker = {
  matches: (m) => 'model_class' in m && 'weights' in m && Array.isArray(m.cases),
  async *check(dir, manifest, context) {
    const { cases, weights } = manifest as unknown as ModelManifest;
    const checkpoint = await openCheckpoint(dir, { configFile: weights?.config ?? 'config.json' });
    yield* checkV5(dir, checkpoint);
    for (const fixture of cases) yield* checkCase(dir, checkpoint, fixture, context);
  },
};
