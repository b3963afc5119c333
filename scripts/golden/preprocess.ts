/** @file Golden checker: processors' pixels. Resized bytes and float32 values exactly, for every stored variant. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  longestEdgeSize,
  pixelSettings,
  pixelTable,
  pixelValues,
  resizeForModel,
  toPlanar,
  type PixelSettings,
  type RgbImage,
} from '../../src-main/models/pixels.ts';
import type { Checker, Row } from './types.ts';

type ArrayEntry = {
  file: string;
  shape: number[];
  use?: string;
  stride?: number;
  full_shape?: number[];
  sha256_full_u8?: string;
  sha256_full_f32?: string;
};
type Case = {
  name: string;
  setting: string;
  first_resize_height_width?: Record<string, [number, number]>;
  inputs: { frames: ArrayEntry };
  outputs: Record<string, ArrayEntry>;
};
type Manifest = {
  name: string;
  settings: Record<string, Record<string, unknown>>;
  lut: Record<string, { file: string }>;
  cases: Case[];
};

/** What each named variant of the fixtures means, as a change to the published settings. */
function settingsFor(variant: string, config: Record<string, unknown>): PixelSettings {
  switch (variant) {
    case 'torchvision':
    case 'published':
      return pixelSettings(config);
    case 'published_bicubic':
      return { ...pixelSettings(config), filter: 'bicubic' };
    case 'video_size':
      return { ...pixelSettings(config), longestEdgeFirst: videoSize(config) };
    case 'pil': {
      const settings = pixelSettings(config, 'pil');
      return settings.longestEdgeFirst === null
        ? settings
        : { ...settings, longestEdgeFirst: videoSize(config) };
    }
    default:
      throw new Error(
        `preprocess fixture: expected a known variant, got "${variant}" — teach settingsFor what it means`,
      );
  }
}

function videoSize(config: Record<string, unknown>): number {
  const sampling = config.video_sampling as { video_size: { longest_edge: number } };
  return sampling.video_size.longest_edge;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const bytesOf = (a: Float32Array): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** Share of differing bytes; 1 when the lengths differ. */
function differing(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return 1;
  let wrong = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) wrong++;
  return wrong / Math.max(a.length, 1);
}

/** Every `stride`-th row and column of [frames, 3, size, size]. */
function thin(planar: Uint8Array, [frames, channels, height, width]: number[], stride: number): Uint8Array {
  const out: number[] = [];
  for (let p = 0; p < frames * channels; p++)
    for (let y = 0; y < height; y += stride)
      for (let x = 0; x < width; x += stride) out.push(planar[(p * height + y) * width + x]);
  return Uint8Array.from(out);
}

/** Bytes [frames, 3, H, W] -> values, as {@link pixelValues} does, without resizing a second time. */
function throughTable(
  planar: Uint8Array,
  [, channels, height, width]: number[],
  table: Float32Array,
): Float32Array {
  const plane = height * width;
  const values = new Float32Array(planar.length);
  for (let p = 0; p * plane < planar.length; p++) {
    const row = (p % channels) * 256;
    for (let i = p * plane; i < (p + 1) * plane; i++) values[i] = table[row + planar[i]];
  }
  return values;
}

async function readFrames(dir: string, entry: ArrayEntry): Promise<RgbImage[]> {
  const bytes = new Uint8Array(await readFile(path.join(dir, entry.file)));
  const [count, height, width] = entry.shape;
  const used = entry.use?.startsWith('frame 0') ? 1 : count;
  const size = height * width * 3;
  return Array.from({ length: used }, (_, i) => ({
    data: bytes.subarray(i * size, (i + 1) * size),
    width,
    height,
  }));
}

async function* checkCase(dir: string, manifest: Manifest, c: Case): AsyncIterable<Row> {
  const config = manifest.settings[c.setting];
  const frames = await readFrames(dir, c.inputs.frames);
  const row = (output: string, error: number): Row => ({
    fixture: `${manifest.name} ${c.name}`,
    output,
    error,
    pass: error === 0,
  });
  for (const [variant, [height, width]] of Object.entries(c.first_resize_height_width ?? {})) {
    const settings = settingsFor(variant, config);
    const size = longestEdgeSize(frames[0].width, frames[0].height, settings.longestEdgeFirst!);
    yield row(`first size (${variant})`, size.height === height && size.width === width ? 0 : 1);
  }
  for (const [name, entry] of Object.entries(c.outputs)) {
    const stored = new Uint8Array(await readFile(path.join(dir, entry.file)));
    if (!name.startsWith('resized.')) {
      const values = pixelValues(frames, frames.length, pixelSettings(config));
      yield row(name, differing(bytesOf(values), stored));
      continue;
    }
    const settings = settingsFor(name.slice('resized.'.length), config);
    const planar = Buffer.concat(frames.map((frame) => toPlanar(resizeForModel(frame, settings))));
    const shape = entry.full_shape ?? entry.shape;
    yield row(name, differing(entry.stride ? thin(planar, shape, entry.stride) : planar, stored));
    if (entry.sha256_full_u8) yield row(`${name} sha256 u8`, sha256(planar) === entry.sha256_full_u8 ? 0 : 1);
    if (entry.sha256_full_f32) {
      const values = throughTable(planar, shape, pixelTable(settings));
      yield row(`${name} sha256 f32`, sha256(bytesOf(values)) === entry.sha256_full_f32 ? 0 : 1);
    }
  }
}

export const preprocessChecker: Checker = {
  matches: (manifest) => 'lut' in manifest && 'settings' in manifest && Array.isArray(manifest.cases),
  async *check(dir, untyped): AsyncIterable<Row> {
    const manifest = untyped as unknown as Manifest;
    const config = Object.values(manifest.settings)[0];
    for (const [variant, { file }] of Object.entries(manifest.lut)) {
      const table = pixelTable(pixelSettings(config, variant === 'pil' ? 'pil' : 'torchvision'));
      const stored = new Uint8Array(await readFile(path.join(dir, file)));
      const error = differing(bytesOf(table.subarray(0, 256)), stored);
      yield { fixture: manifest.name, output: `lut ${variant}`, error, pass: error === 0 };
    }
    for (const c of manifest.cases) yield* checkCase(dir, manifest, c);
  },
};
