/**
 * @file The SigLIP vision tower: patches by reshape and one product, learned positions, pre-norm transformer layers.
 * Also the tower of SmolVLM, whose padded patches get positions of their own and a mask.
 * Reference: transformers' modeling_siglip.py and modeling_smolvlm.py (SmolVLMVisionTransformer).
 */
import type { Dim } from '../../tensor/dims.ts';
import type { Value } from '../../tensor/graph.ts';
import { embedding, layerNorm, linear, scaledDotProductAttention } from '../../tensor/nn.ts';
import { add, reshape, slice, transpose } from '../../tensor/ops.ts';
import type { SiglipConfig } from '../config.ts';
import { activate, applyLinear } from './context.ts';
import type { FamilyContext } from './context.ts';

/** Inputs of {@link siglip}. */
export type SiglipInputs = {
  /** [N, C, S, S] normalised pixels. */
  pixels: Value;
  /** Row of the position table for each patch, [N, P] int32. @default 0, 1, 2, ... */
  positions?: Value;
  /** Added to the scores, e.g. [N, 1, 1, 1, P] with large negative values at padded patches. */
  mask?: Value;
};

/** Results of {@link siglip}, each [N, P, W]. */
export type SiglipOutputs = {
  embeddings: Value;
  /** Residual stream after each layer that was run. */
  layers: Value[];
  /** hidden_states of transformers: 0 = embeddings, n = after layer n-1. */
  hiddenState: (index: number) => Value;
  /** After the tower's final norm. Called only by families that use it, since others' files may lack its weights. */
  postNorm: () => Value;
};

/** Patches a side. */
export function patchSide(config: SiglipConfig): number {
  return Math.floor(config.imageSize / config.patchSize);
}

/** Runs the tower up to layer `layers` (default: all). */
export function siglip(
  context: FamilyContext,
  config: SiglipConfig,
  inputs: SiglipInputs,
  layers = config.layers,
): SiglipOutputs {
  const { prefix, layerNormEps } = config;
  const norm = (name: string, x: Value) =>
    layerNorm(
      x,
      context.weights(`${prefix}${name}.weight`),
      context.weights(`${prefix}${name}.bias`),
      layerNormEps,
    );
  const embeddings = embedPatches(context, config, inputs); // [N, P, W]
  const outputs: Value[] = [];
  let x = embeddings;
  for (let layer = 0; layer < layers; layer++) {
    const at = `encoder.layers.${layer}.`;
    x = add(x, attention(context, config, prefix + at, norm(`${at}layer_norm1`, x), inputs.mask));
    const wide = applyLinear(context, `${prefix}${at}mlp.fc1`, norm(`${at}layer_norm2`, x), true);
    x = add(x, applyLinear(context, `${prefix}${at}mlp.fc2`, activate(config.activation, wide), true));
    outputs.push(x);
  }
  return {
    embeddings,
    layers: outputs,
    hiddenState: (index) => (index === 0 ? embeddings : outputs[index - 1]),
    postNorm: () => norm('post_layernorm', x),
  };
}

/** The strided convolution over patches, written as one product: [N, C, S, S] -> [N, P, W], plus positions. */
function embedPatches(
  context: FamilyContext,
  config: SiglipConfig,
  { pixels, positions }: SiglipInputs,
): Value {
  const { channels, patchSize: p, hidden, prefix } = config;
  const side = patchSide(config);
  const [images] = pixels.shape as [Dim];
  // A convolution without padding ignores what is left over at the right and bottom.
  const cut = slice(slice(pixels, 2, 0, side * p), 3, 0, side * p);
  const grid = transpose(reshape(cut, [images, channels, side, p, side, p]), [0, 2, 4, 1, 3, 5]);
  const patches = reshape(grid, [images, side * side, channels * p * p]);
  const at = `${prefix}embeddings.`;
  const weight = reshape(context.weights(`${at}patch_embedding.weight`), [hidden, channels * p * p]);
  const projected = linear(patches, weight, context.weights(`${at}patch_embedding.bias`)); // [N, P, W]
  const table = context.weights(`${at}position_embedding.weight`); // [P, W]
  return add(projected, positions ? embedding(table, positions) : table);
}

function attention(
  context: FamilyContext,
  config: SiglipConfig,
  path: string,
  x: Value,
  mask: Value | undefined,
): Value {
  const [images, patches] = x.shape as [Dim, Dim, Dim];
  const { heads, hidden } = config;
  const project = (name: string) => {
    const y = applyLinear(context, `${path}self_attn.${name}`, x, true);
    return transpose(reshape(y, [images, patches, heads, hidden / heads]), [0, 2, 1, 3]);
  };
  const mixed = scaledDotProductAttention(project('q_proj'), project('k_proj'), project('v_proj'), {
    ...(mask ? { mask } : {}),
  }); // [N, heads, P, D]
  const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [images, patches, hidden]);
  return applyLinear(context, `${path}self_attn.out_proj`, joined, true);
}
