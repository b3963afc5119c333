/**
 * @file Every weight of a model: its canonical name (the layout published checkpoints have, as transformers 4.x writes
 * it), its shape, and the other names under which versions of transformers store it.
 */
import type { DecoderConfig, ModelConfig, SiglipConfig } from './config.ts';
import { hasVision } from './config.ts';

/** Shapes of all weights by canonical name, in a stable order (alphabetical within a part). */
export function weightShapes(config: ModelConfig): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  decoderShapes(config.text, shapes);
  if (hasVision(config)) siglipShapes(config.vision, config.family === 'smolvlm', shapes);
  if (config.family === 'llava-onevision') {
    const visionWidth = config.vision.hidden * config.featureLayers.length;
    const { hidden } = config.text;
    shapes.set('image_newline', [hidden]);
    linear(shapes, 'multi_modal_projector.linear_1', hidden, visionWidth, config.projectorBias);
    linear(shapes, 'multi_modal_projector.linear_2', hidden, hidden, config.projectorBias);
  }
  if (config.family === 'smolvlm')
    linear(
      shapes,
      'model.connector.modality_projection.proj',
      config.text.hidden,
      config.vision.hidden * config.scaleFactor ** 2,
      false,
    );
  return shapes;
}

function linear(
  shapes: Map<string, readonly number[]>,
  name: string,
  outSize: number,
  inSize: number,
  bias: boolean,
) {
  shapes.set(`${name}.weight`, [outSize, inSize]);
  if (bias) shapes.set(`${name}.bias`, [outSize]);
}

/** The linears of one decoder layer, with the configuration key that says whether each has a bias. */
export function decoderLinears(c: DecoderConfig): { name: string; out: number; in: number; bias: boolean }[] {
  const q = c.heads * c.headDim;
  const kv = c.kvHeads * c.headDim;
  return [
    { name: 'self_attn.q_proj', out: q, in: c.hidden, bias: c.qkvBias },
    { name: 'self_attn.k_proj', out: kv, in: c.hidden, bias: c.qkvBias },
    { name: 'self_attn.v_proj', out: kv, in: c.hidden, bias: c.qkvBias },
    { name: 'self_attn.o_proj', out: c.hidden, in: q, bias: c.outBias },
    { name: 'mlp.gate_proj', out: c.ffn, in: c.hidden, bias: c.mlpBias },
    { name: 'mlp.up_proj', out: c.ffn, in: c.hidden, bias: c.mlpBias },
    { name: 'mlp.down_proj', out: c.hidden, in: c.ffn, bias: c.mlpBias },
  ];
}

function decoderShapes(c: DecoderConfig, shapes: Map<string, readonly number[]>): void {
  shapes.set(`${c.prefix}embed_tokens.weight`, [c.vocab, c.hidden]);
  for (let layer = 0; layer < c.layers; layer++) {
    const at = `${c.prefix}layers.${layer}.`;
    shapes.set(`${at}input_layernorm.weight`, [c.hidden]);
    shapes.set(`${at}post_attention_layernorm.weight`, [c.hidden]);
    for (const l of decoderLinears(c)) linear(shapes, at + l.name, l.out, l.in, l.bias);
  }
  shapes.set(`${c.prefix}norm.weight`, [c.hidden]);
  if (!c.tied) shapes.set(c.head, [c.vocab, c.hidden]);
}

function siglipShapes(c: SiglipConfig, postLayerNorm: boolean, shapes: Map<string, readonly number[]>): void {
  const norm = (name: string) => {
    shapes.set(`${name}.weight`, [c.hidden]);
    shapes.set(`${name}.bias`, [c.hidden]);
  };
  const side = Math.floor(c.imageSize / c.patchSize);
  const patch = `${c.prefix}embeddings.patch_embedding`;
  shapes.set(`${patch}.weight`, [c.hidden, c.channels, c.patchSize, c.patchSize]);
  shapes.set(`${patch}.bias`, [c.hidden]);
  shapes.set(`${c.prefix}embeddings.position_embedding.weight`, [side * side, c.hidden]);
  for (let layer = 0; layer < c.layers; layer++) {
    const at = `${c.prefix}encoder.layers.${layer}.`;
    norm(`${at}layer_norm1`);
    norm(`${at}layer_norm2`);
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
      linear(shapes, `${at}self_attn.${name}`, c.hidden, c.hidden, true);
    linear(shapes, `${at}mlp.fc1`, c.ffn, c.hidden, true);
    linear(shapes, `${at}mlp.fc2`, c.hidden, c.ffn, true);
  }
  // LLaVA-OneVision takes hidden states before this norm and published files may lack it.
  if (postLayerNorm) norm(`${c.prefix}post_layernorm`);
}

/** A rewrite from a canonical prefix to another one in use. */
type Alias = readonly [canonical: string, other: string];

const ALIASES: Readonly<Record<ModelConfig['family'], readonly Alias[]>> = {
  // A bare Qwen2Model/LlamaModel is saved without the "model." prefix.
  qwen2: [['model.', '']],
  llama: [['model.', '']],
  'llava-onevision': [
    // transformers 5.x save_pretrained.
    ['vision_tower.vision_model.', 'vision_tower.'],
    // The in-memory names since 4.52, which some exporters write.
    ['language_model.model.', 'model.language_model.'],
    ['language_model.lm_head.', 'lm_head.'],
    ['vision_tower.vision_model.', 'model.vision_tower.vision_model.'],
    ['vision_tower.vision_model.', 'model.vision_tower.'],
    ['multi_modal_projector.', 'model.multi_modal_projector.'],
    ['image_newline', 'model.image_newline'],
  ],
  smolvlm: [['model.text_model.', 'model.language_model.']],
};

/** All names under which a checkpoint may store the weight `canonical`, the canonical one first. */
export function storedNames(family: ModelConfig['family'], canonical: string): string[] {
  const names = [canonical];
  for (const [from, to] of ALIASES[family])
    if (canonical.startsWith(from)) names.push(to + canonical.slice(from.length));
  return names;
}
