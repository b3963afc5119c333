/** @file Host-side parts of the families against worked examples: masks, positions, splice tables, tiling, resizing, patch layout. */
import { describe, expect, it } from 'vitest';
import { parseModelConfig } from '../config.ts';
import type { LlavaOnevisionConfig, SmolVlmConfig } from '../config.ts';
import { imageTaps, tileGrid } from './llava-onevision.ts';
import { MASKED, paddedCausalMask, spliceIndex } from './masks.ts';
import { bilinearTaps } from './resample.ts';
import { ropeFrequencies, ropeTables } from './rope.ts';
import { patchLayout, pictureTokenCount, realPictures } from './smolvlm.ts';

const llava = parseModelConfig(
  {
    model_type: 'llava_onevision',
    text_config: { model_type: 'qwen2', hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 },
    vision_config: { image_size: 384, patch_size: 14 },
    image_grid_pinpoints: [
      [384, 384],
      [384, 768],
      [768, 384],
      [768, 768],
    ],
  },
  'config.json',
) as LlavaOnevisionConfig;
const smol = parseModelConfig(
  {
    model_type: 'smolvlm',
    scale_factor: 2,
    text_config: { model_type: 'llama', hidden_size: 64, num_attention_heads: 4 },
    vision_config: { image_size: 32, patch_size: 8 },
  },
  'config.json',
) as SmolVlmConfig;

/** Rows of a mask as text: 1 seen, 0 hidden. */
function seen(mask: Float32Array, width: number): string[] {
  const bits = [...mask].map((v) => (v === MASKED ? '0' : '1')).join('');
  return bits.match(new RegExp(`.{${width}}`, 'g'))!;
}

describe('masks and splice tables', () => {
  it('masks padding on either side', () => {
    expect(seen(paddedCausalMask([0, 1, 1], 1, 3), 3)).toEqual(['000', '010', '011']);
    expect(seen(paddedCausalMask([1, 1, 0], 1, 3), 3)).toEqual(['100', '110', '110']);
  });

  it('puts features in order and refuses a wrong number', () => {
    expect([...spliceIndex([5, 9, 9, 5], 9, 2)]).toEqual([0, 4, 5, 3]);
    expect(() => spliceIndex([5, 9], 9, 2)).toThrow('expected 2 placeholder tokens (id 9)');
  });
});

describe('rope', () => {
  it('starts at angle 0 and turns the first pair by the position', () => {
    const { cos, sin } = ropeTables({ type: 'default', theta: 10000 }, 4, [0, 3]);
    expect([...cos.subarray(0, 4)]).toEqual([1, 1, 1, 1]);
    expect(cos[4]).toBeCloseTo(Math.cos(3), 6);
    expect(sin[5]).toBeCloseTo(Math.sin(0.03), 6);
    expect([...sin.subarray(6, 8)]).toEqual([...sin.subarray(4, 6)]);
  });

  it('slows by the factor where the scaling says so', () => {
    const [fast, slow] = [
      ropeFrequencies({ type: 'default', theta: 100 }, 8),
      ropeFrequencies({ type: 'linear', theta: 100, factor: 4 }, 8),
    ];
    fast.forEach((f, i) => expect(slow[i]).toBeCloseTo(f / 4, 7));
  });
});

describe('LLaVA-OneVision', () => {
  it('tiles an image to the best resolution and cuts the padding', () => {
    expect(tileGrid(llava, 400, 800)).toEqual([1, 2]);
    expect(imageTaps(llava, 1, 100, 100).length).toBe(729 + 1);
    // 1 x 2 tiles hold 27 x 54 cells; 400:800 fills them: base, then rows of 54 and a newline each.
    expect(imageTaps(llava, 3, 400, 800).length).toBe(729 + 27 * 55);
    // 300:800 leaves (27 - 20) // 2 = 3 rows of padding above and below.
    expect(imageTaps(llava, 3, 300, 800).length).toBe(729 + 21 * 55);
  });

  it('resizes as PyTorch does without aligned corners', () => {
    // 3 -> 2: centres at 0.25 and 1.75.
    const taps = bilinearTaps(1, 3, 1, 2);
    expect([...taps.indices[0]]).toEqual([0, 1]);
    expect([...taps.indices[1]]).toEqual([1, 2]);
    expect([...taps.weights[0]]).toEqual([0.75, 0.25]);
    expect([...taps.weights[1]]).toEqual([0.25, 0.75]);
  });
});

describe('SmolVLM', () => {
  it('gives whole pictures the identity layout', () => {
    const layout = patchLayout(smol.vision, new Uint8Array(32 * 32).fill(1), 1);
    expect([...layout.positions]).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(layout.padded).toBe(false);
    expect(pictureTokenCount(smol)).toBe(4);
  });

  it('spreads the positions of a padded picture over the grid', () => {
    // Three of four patch columns and two of four rows are covered.
    const mask = Uint8Array.from({ length: 1024 }, (_, i) => (i % 32 < 24 && i < 16 * 32 ? 1 : 0));
    const layout = patchLayout(smol.vision, mask, 1);
    expect([...layout.positions].slice(0, 8)).toEqual([0, 1, 2, 0, 8, 9, 10, 0]);
    expect([...layout.mask].filter((v) => v === MASKED).length).toBe(10);
    expect(layout.padded).toBe(true);
  });

  it('skips pictures of zeros but keeps one', () => {
    expect(realPictures(Float32Array.of(0, 0, 1, 0, 0, 0), 3)).toEqual([1]);
    expect(realPictures(new Float32Array(4), 2)).toEqual([0]);
  });
});

describe('parseModelConfig', () => {
  it('counts the positions that linear scaling stretches', () => {
    const positions = (more: object) =>
      parseModelConfig({ model_type: 'llama', ...more }, 'c').text.maxPositions;
    expect(positions({})).toBe(2048);
    expect(positions({ max_position_embeddings: 4096 })).toBe(4096);
    expect(positions({ max_position_embeddings: 4096, rope_scaling: { type: 'linear', factor: 4 } })).toBe(
      16384,
    );
  });

  it('names the key it cannot compute', () => {
    const base = { model_type: 'llama', hidden_size: 64, num_attention_heads: 4 };
    expect(() => parseModelConfig({ ...base, hidden_act: 'relu' }, 'a/config.json')).toThrow(
      'a/config.json: hidden_act: expected "silu", got "relu"',
    );
    // Older files say "type".
    for (const key of ['rope_type', 'type'])
      expect(() => parseModelConfig({ ...base, rope_scaling: { [key]: 'yarn' } }, 'c')).toThrow(
        `rope_scaling.${key}: expected "default", "linear" or "llama3", got "yarn"`,
      );
    expect(() => parseModelConfig({ ...base, num_key_value_heads: 3 }, 'c')).toThrow('a divisor of 4 heads');
    expect(() => parseModelConfig({ ...base, model_type: 'llava_qwen' }, 'c')).toThrow('original LLaVA code');
    expect(() => parseModelConfig({ ...base, hidden_size: '64' }, 'c')).toThrow(
      'hidden_size: expected a number',
    );
  });
});
