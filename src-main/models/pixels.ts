/**
 * @file From decoded frames to what a vision tower is given: the two 8-bit resamplers of the reference implementations, bit for
 * bit (torchvision's 16-bit weights, Pillow's 22-bit weights), then rescale and normalise by table. Pure.
 *
 * Both resamplers: antialiased separable convolution on uint8, width first, then height, each rounded and clamped to uint8;
 * a pass whose size does not change is skipped. When shrinking by s the filter is stretched by s, when enlarging it is not.
 */
import { UserError } from '../platform/errors.ts';

/** Interpolation kernels; the support of the kernel at scale 1 is 1, 2 and 3 pixels. */
export type Filter = 'bilinear' | 'bicubic' | 'lanczos';

/** Whose integer arithmetic: the tensor ("fast") processors', or Pillow's ("slow" processors, the official RRPO code). */
export type Variant = 'torchvision' | 'pil';

/** One RGB picture: bytes [height, width, 3]. */
export type RgbImage = { data: Uint8Array; width: number; height: number };

const KERNELS: { [F in Filter]: { support: number; weight: (x: number) => number } } = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Keys' cubic with a = -0.5 (not the -0.75 of an interpolation without antialias).
  bicubic: {
    support: 2,
    weight(x) {
      const a = -0.5;
      x = Math.abs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  if (x === 0) return 1;
  x *= Math.PI;
  return Math.sin(x) / x;
}

/** Integer weights of one axis: output i = (sum over k < count[i] of input[first[i] + k] * weights[i * taps + k]) >> bits. */
type AxisPlan = { taps: number; bits: number; first: Int32Array; count: Int32Array; weights: Int32Array };

/** Weights for `nIn` -> `nOut` samples. Formula: the reference's `weights` and `quantize`; rounding half away from zero. */
function planAxis(nIn: number, nOut: number, filter: Filter, variant: Variant): AxisPlan {
  const kernel = KERNELS[filter];
  const scale = nIn / nOut;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const rows: number[][] = [];
  const first = new Int32Array(nOut);
  const count = new Int32Array(nOut);
  let largest = -Infinity;
  let taps = 0;
  for (let i = 0; i < nOut; i++) {
    const center = (i + 0.5) * scale;
    const low = Math.max(Math.trunc(center - support + 0.5), 0);
    const high = Math.min(Math.trunc(center + support + 0.5), nIn);
    const row = Array.from({ length: high - low }, (_, k) =>
      kernel.weight((k + low - center + 0.5) * (1 / stretch)),
    );
    const sum = row.reduce((a, b) => a + b, 0);
    for (let k = 0; k < row.length; k++) {
      row[k] /= sum;
      largest = Math.max(largest, row[k]);
    }
    rows.push(row);
    first[i] = low;
    count[i] = row.length;
    taps = Math.max(taps, row.length);
  }
  let bits = 22;
  if (variant === 'torchvision') {
    // The most bits with which the largest weight still fits 16 signed bits.
    bits = 0;
    while (bits < 22 && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 1 << 15) bits++;
  }
  const weights = new Int32Array(nOut * taps);
  rows.forEach((row, i) => {
    row.forEach((w, k) => (weights[i * taps + k] = Math.trunc(w * 2 ** bits + (w >= 0 ? 0.5 : -0.5))));
  });
  return { taps, bits, first, count, weights };
}

/** Plans are small and videos repeat their size: the last few are kept. */
const plans = new Map<string, AxisPlan>();

function axisPlan(nIn: number, nOut: number, filter: Filter, variant: Variant): AxisPlan {
  const key = `${nIn} ${nOut} ${filter} ${variant}`;
  let plan = plans.get(key);
  if (!plan) {
    plan = planAxis(nIn, nOut, filter, variant);
    if (plans.size >= 32) plans.delete(plans.keys().next().value!);
    plans.set(key, plan);
  }
  return plan;
}

/** [rows, nIn, 3] -> [rows, nOut, 3]. */
function resizeWidth(
  source: Uint8ClampedArray,
  rows: number,
  nIn: number,
  nOut: number,
  plan: AxisPlan,
): Uint8ClampedArray {
  const { taps, bits, first, count, weights } = plan;
  const out = new Uint8ClampedArray(rows * nOut * 3);
  const half = bits === 0 ? 0 : 1 << (bits - 1);
  for (let y = 0; y < rows; y++) {
    const rowStart = y * nIn * 3;
    let o = y * nOut * 3;
    for (let x = 0; x < nOut; x++) {
      let s = rowStart + first[x] * 3;
      let r = half;
      let g = half;
      let b = half;
      const from = x * taps;
      const to = from + count[x];
      for (let k = from; k < to; k++, s += 3) {
        const w = weights[k];
        r = (r + Math.imul(source[s], w)) | 0;
        g = (g + Math.imul(source[s + 1], w)) | 0;
        b = (b + Math.imul(source[s + 2], w)) | 0;
      }
      out[o++] = r >> bits; // the array type clamps to 0..255
      out[o++] = g >> bits;
      out[o++] = b >> bits;
    }
  }
  return out;
}

/** Rows that are summed in one go: an enlarging Lanczos has six taps; more rows take several goes. */
const GO = 6;

/** [nIn, columns, 3] -> [nOut, columns, 3]. */
function resizeHeight(
  source: Uint8ClampedArray,
  columns: number,
  nOut: number,
  plan: AxisPlan,
): Uint8ClampedArray {
  const { taps, bits, first, count, weights } = plan;
  const stride = columns * 3;
  const out = new Uint8ClampedArray(nOut * stride);
  const sums = new Int32Array(stride);
  const rows = new Int32Array(GO);
  const w = new Int32Array(GO);
  const half = bits === 0 ? 0 : 1 << (bits - 1);
  for (let y = 0; y < nOut; y++) {
    sums.fill(half);
    for (let from = 0; from < count[y]; from += GO) {
      for (let k = 0; k < GO; k++) {
        // A row past the last is the last again, with weight 0.
        const tap = Math.min(from + k, count[y] - 1);
        rows[k] = (first[y] + tap) * stride;
        w[k] = tap === from + k ? weights[y * taps + tap] : 0;
      }
      if (from + GO >= count[y]) lastRows(source, rows, w, sums, bits, out, y * stride);
      else addRows(source, rows, w, sums);
    }
  }
  return out;
}

/** sums[x] += the weighted rows. Written out, because one load and store of the sum for six products is what makes it fast. */
function addRows(source: Uint8ClampedArray, rows: Int32Array, w: Int32Array, sums: Int32Array): void {
  const [a, b, c, d, e, f] = rows;
  const [wa, wb, wc, wd, we, wf] = w;
  for (let x = 0; x < sums.length; x++)
    sums[x] =
      (sums[x] +
        Math.imul(source[a + x], wa) +
        Math.imul(source[b + x], wb) +
        Math.imul(source[c + x], wc) +
        Math.imul(source[d + x], wd) +
        Math.imul(source[e + x], we) +
        Math.imul(source[f + x], wf)) |
      0;
}

/** As {@link addRows}, and the result goes out, rounded and clamped. */
function lastRows(
  source: Uint8ClampedArray,
  rows: Int32Array,
  w: Int32Array,
  sums: Int32Array,
  bits: number,
  out: Uint8ClampedArray,
  at: number,
): void {
  const [a, b, c, d, e, f] = rows;
  const [wa, wb, wc, wd, we, wf] = w;
  for (let x = 0; x < sums.length; x++)
    out[at + x] =
      ((sums[x] +
        Math.imul(source[a + x], wa) +
        Math.imul(source[b + x], wb) +
        Math.imul(source[c + x], wc) +
        Math.imul(source[d + x], wd) +
        Math.imul(source[e + x], we) +
        Math.imul(source[f + x], wf)) |
        0) >>
      bits;
}

/** Resizes an RGB picture to `width` x `height`, to the byte as the chosen library does. The source is left as it is. */
export function resizeRgb(
  image: RgbImage,
  width: number,
  height: number,
  filter: Filter,
  variant: Variant = 'torchvision',
): RgbImage {
  if (image.data.length !== image.width * image.height * 3)
    throw new RangeError(
      `internal: resize: expected ${image.width * image.height * 3} bytes (${image.width}x${image.height} RGB), got ${image.data.length}`,
    );
  for (const side of [image.width, image.height, width, height])
    if (!Number.isInteger(side) || side < 1)
      throw new RangeError(
        `internal: resize: expected sizes of whole pixels above 0, got ${image.width}x${image.height} to ${width}x${height}`,
      );
  // One array type throughout, so that the compiler makes one fast version of each loop.
  let data: Uint8ClampedArray = new Uint8ClampedArray(
    image.data.buffer,
    image.data.byteOffset,
    image.data.length,
  );
  if (width !== image.width)
    data = resizeWidth(data, image.height, image.width, width, axisPlan(image.width, width, filter, variant));
  if (height !== image.height)
    data = resizeHeight(data, width, height, axisPlan(image.height, height, filter, variant));
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
}

/** How a model wants its pixels. */
export type PixelSettings = {
  /** Final size, [height, width]; frames are squashed to it (the aspect ratio is not kept). */
  height: number;
  width: number;
  /** SmolVLM resizes twice, to uint8 in between: first the longest edge goes to this many pixels. null: one resize. */
  longestEdgeFirst: number | null;
  filter: Filter;
  variant: Variant;
  /** Factor on the bytes, usually 1/255; null: bytes stay 0..255. */
  rescale: number | null;
  /** Per channel; null: not normalised. */
  mean: readonly number[] | null;
  std: readonly number[] | null;
};

/** Values by channel and byte, float32 [3, 256], in the reference's order of float32 roundings. */
export function pixelTable(
  settings: Pick<PixelSettings, 'variant' | 'rescale' | 'mean' | 'std'>,
): Float32Array {
  const { variant, rescale, mean, std } = settings;
  const f = Math.fround;
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++)
    for (let byte = 0; byte < 256; byte++) {
      let value: number;
      if (mean && std && rescale !== null && variant === 'torchvision') {
        // The tensor processors fold the rescale into mean and deviation.
        const by = f(1 / rescale);
        value = f(f(byte - f(f(mean[channel]) * by)) / f(f(std[channel]) * by));
      } else {
        value = rescale === null ? byte : f(byte * rescale);
        if (mean && std) value = f(f(value - f(mean[channel])) / f(std[channel]));
      }
      table[channel * 256 + byte] = value;
    }
  return table;
}

/** SmolVLM's first size: the longest edge becomes `edge`, the other keeps the ratio, cut to whole pixels, then made even. */
export function longestEdgeSize(
  width: number,
  height: number,
  edge: number,
): { width: number; height: number } {
  const ratio = width / height;
  const even = (n: number): number => Math.max(n + (n % 2), 1);
  return width >= height
    ? { width: edge, height: even(Math.trunc(edge / ratio)) }
    : { width: even(Math.trunc(edge * ratio)), height: edge };
}

/** The resize steps of {@link PixelSettings} on one frame: bytes [height, width, 3]. */
export function resizeForModel(frame: RgbImage, settings: PixelSettings): RgbImage {
  let image = frame;
  if (settings.longestEdgeFirst !== null) {
    const size = longestEdgeSize(frame.width, frame.height, settings.longestEdgeFirst);
    image = resizeRgb(image, size.width, size.height, settings.filter, settings.variant);
  }
  return resizeRgb(image, settings.width, settings.height, settings.filter, settings.variant);
}

/** Frames of any size -> pixel values float32 [frames, 3, height, width]. `frames` may be a generator: one is held at a time. */
export function pixelValues(
  frames: Iterable<RgbImage>,
  count: number,
  settings: PixelSettings,
): Float32Array {
  const { width, height } = settings;
  const table = pixelTable(settings);
  const plane = width * height;
  const out = new Float32Array(count * 3 * plane); // [F, 3, H, W]
  let n = 0;
  for (const frame of frames) {
    if (n >= count) throw new RangeError(`internal: pixel values: expected ${count} frames, got more`);
    const { data } = resizeForModel(frame, settings);
    for (let channel = 0; channel < 3; channel++) {
      const values = table.subarray(channel * 256, channel * 256 + 256);
      const o = (n * 3 + channel) * plane;
      for (let i = 0, s = channel; i < plane; i++, s += 3) out[o + i] = values[data[s]];
    }
    n++;
  }
  if (n !== count) throw new RangeError(`internal: pixel values: expected ${count} frames, got ${n}`);
  return out;
}

/** [height, width, 3] -> [3, height, width]. */
export function toPlanar(image: RgbImage): Uint8Array {
  const plane = image.width * image.height;
  const out = new Uint8Array(3 * plane);
  for (let i = 0, s = 0; i < plane; i++, s += 3) {
    out[i] = image.data[s];
    out[plane + i] = image.data[s + 1];
    out[2 * plane + i] = image.data[s + 2];
  }
  return out;
}

/** The numbers of PIL's `resample` field. */
const PIL_FILTERS: Record<number, Filter> = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads a Hugging Face processor file (`preprocessor_config.json`, `video_preprocessor_config.json`): its own sizes, kernel and
 * numbers. SmolVLM files (with `max_image_size`) give the double resize, first to `size.longest_edge`: what AutoProcessor does
 * with the published files, although they also name a smaller `video_sampling.video_size`.
 * @param file only used in messages
 * @throws UserError BAD_INPUT naming the field, what was expected and what is there
 */
export function pixelSettings(
  config: unknown,
  variant: Variant = 'torchvision',
  file = 'processor config',
): PixelSettings {
  const bad = (field: string, expected: string, got: unknown): never => {
    throw new UserError(
      'BAD_INPUT',
      `${file}: expected ${field} to be ${expected}, got ${JSON.stringify(got)}`,
      'Use the processor files that were published with the model.',
    );
  };
  if (!isRecord(config)) return bad('the file', 'an object', config);
  const number = (value: unknown, field: string): number =>
    typeof value === 'number' && Number.isFinite(value) && value > 0
      ? value
      : bad(field, 'a positive number', value);
  const triple = (value: unknown, field: string): number[] =>
    Array.isArray(value) && value.length === 3 && value.every((v) => typeof v === 'number')
      ? value
      : bad(field, 'three numbers', value);
  const resample = config.resample ?? 3;
  const filter =
    (typeof resample === 'number' ? PIL_FILTERS[resample] : undefined) ??
    bad('resample', '1 (lanczos), 2 (bilinear) or 3 (bicubic)', resample);
  if (config.do_resize === false) bad('do_resize', 'true', false);
  if (config.do_center_crop === true) bad('do_center_crop', 'false (nothing is cropped here)', true);
  const normalize = config.do_normalize !== false;
  const size = config.size;
  const square = config.max_image_size;
  const common = {
    filter,
    variant,
    rescale: config.do_rescale === false ? null : number(config.rescale_factor ?? 1 / 255, 'rescale_factor'),
    mean: normalize ? triple(config.image_mean, 'image_mean') : null,
    std: normalize ? triple(config.image_std, 'image_std') : null,
  };
  if (isRecord(square)) {
    const edge = number(square.longest_edge, 'max_image_size.longest_edge');
    const first = isRecord(size) ? number(size.longest_edge, 'size.longest_edge') : edge;
    return { ...common, height: edge, width: edge, longestEdgeFirst: first };
  }
  if (typeof size === 'number') return { ...common, height: size, width: size, longestEdgeFirst: null };
  if (!isRecord(size)) return bad('size', '{height, width}', size);
  return {
    ...common,
    height: number(size.height, 'size.height'),
    width: number(size.width, 'size.width'),
    longestEdgeFirst: null,
  };
}
