/** @file The resampler's own promises; the byte-for-byte comparison with the references is `npm run golden`. */
import { expect, test } from 'vitest';
import { Random } from '../platform/random.ts';
import { longestEdgeSize, pixelSettings, pixelTable, pixelValues, resizeRgb, toPlanar } from './pixels.ts';

const picture = (width: number, height: number, seed: number) => {
  const random = new Random(seed);
  return { data: Uint8Array.from({ length: width * height * 3 }, () => random.int(256)), width, height };
};

const SIGLIP = {
  do_normalize: true,
  do_rescale: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  resample: 3,
  rescale_factor: 1 / 255,
  size: { height: 32, width: 32 },
};

test.each(['torchvision', 'pil'] as const)(
  '%s keeps a flat colour flat, at any size and kernel',
  (variant) => {
    const flat = { data: new Uint8Array(61 * 37 * 3).fill(201), width: 61, height: 37 };
    for (const filter of ['bilinear', 'bicubic', 'lanczos'] as const)
      for (const [w, h] of [
        [7, 90],
        [200, 5],
        [61, 12],
        [1, 1],
      ]) {
        const { data } = resizeRgb(flat, w, h, filter, variant);
        expect(data.length).toBe(w * h * 3);
        expect(new Set(data)).toEqual(new Set([201]));
      }
  },
);

test('the same size is returned unchanged, and the source is never written to', () => {
  const source = picture(20, 10, 1);
  const before = source.data.slice();
  expect(resizeRgb(source, 20, 10, 'bicubic').data).toEqual(before);
  resizeRgb(source, 33, 7, 'lanczos');
  expect(source.data).toEqual(before);
});

test('a step edge shrunk by bicubic rings by known levels', () => {
  const data = new Uint8Array(8 * 3);
  data.fill(255, 4 * 3);
  const { data: out } = resizeRgb({ data, width: 8, height: 1 }, 4, 1, 'bicubic', 'pil');
  expect([out[0], out[3], out[6], out[9]]).toEqual([0, 17, 238, 255]);
});

test('values are channel planes of the table', () => {
  const settings = pixelSettings(SIGLIP);
  const source = picture(32, 32, 2);
  const values = pixelValues([source, picture(50, 20, 3)], 2, settings);
  expect(values.length).toBe(2 * 3 * 32 * 32);
  const planar = toPlanar(source);
  for (const i of [0, 1500, 3071]) expect(values[i]).toBe(Math.fround((planar[i] - 127.5) / 127.5));
  expect(() => pixelValues([source], 2, settings)).toThrow('expected 2 frames, got 1');
  expect(() => pixelValues([source, source], 1, settings)).toThrow('expected 1 frames, got more');
});

test('without rescale and normalisation the bytes come through', () => {
  const table = pixelTable({ variant: 'pil', rescale: null, mean: null, std: null });
  expect([table[0], table[255], table[256 + 7]]).toEqual([0, 255, 7]);
});

test('SmolVLM files give two resizes, the first to size.longest_edge, even sized', () => {
  const settings = pixelSettings({
    ...SIGLIP,
    resample: 1,
    size: { longest_edge: 2048 },
    max_image_size: { longest_edge: 512 },
  });
  expect(settings).toMatchObject({ width: 512, height: 512, longestEdgeFirst: 2048, filter: 'lanczos' });
  expect(longestEdgeSize(96, 64, 128)).toEqual({ width: 128, height: 86 });
  expect(longestEdgeSize(61, 113, 128)).toEqual({ width: 70, height: 128 });
  expect(longestEdgeSize(4000, 1, 128)).toEqual({ width: 128, height: 1 });
});

test('a wrong processor file says which field, what was expected and what was there', () => {
  expect(() => pixelSettings(null)).toThrow('expected the file to be an object, got null');
  expect(() => pixelSettings({ ...SIGLIP, resample: 9 })).toThrow('expected resample to be 1 (lanczos)');
  expect(() => pixelSettings({ ...SIGLIP, size: { height: 'x', width: 3 } })).toThrow('size.height');
  expect(() => pixelSettings({ ...SIGLIP, image_std: [1, 2] })).toThrow(
    'image_std to be three numbers, got [1,2]',
  );
  expect(() => pixelSettings({ ...SIGLIP, do_center_crop: true })).toThrow('do_center_crop to be false');
  expect(() => pixelSettings({ ...SIGLIP, do_resize: false })).toThrow('do_resize to be true, got false');
  expect(() => resizeRgb(picture(3, 3, 1), 0, 5, 'bicubic')).toThrow('sizes of whole pixels');
  expect(() => resizeRgb({ data: new Uint8Array(5), width: 3, height: 3 }, 5, 5, 'bicubic')).toThrow('got 5');
});
