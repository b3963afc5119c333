/**
 * @file The sample model's shape and every file of its Hugging Face directory except the weights: a LLaVA-OneVision
 * checkpoint (SigLIP tower, two-layer projector, Qwen2 decoder) as transformers 4.x publishes them, scaled down.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../src-main/platform/files.ts';
import type { Random } from '../../src-main/platform/random.ts';
import { parseModelConfig, type LlavaOnevisionConfig } from '../../src-main/models/config.ts';
import { writeSafetensors } from '../../src-main/models/safetensors.ts';
import { weightShapes } from '../../src-main/models/tensor-names.ts';
import type { Parameter } from '../../src-main/align/adamw.ts';
import { SPECIALS, tokenizerJson, type SpecialToken, type Vocabulary } from './tokenizer.ts';

/** Side of the square that frames are squashed to, and of a patch, in pixels. */
export const IMAGE = 48;
export const PATCH = 8;
/** Frames the model is given of a clip. */
export const MODEL_FRAMES = 8;
/** Tokens of one frame after 2x2 pooling of the patch grid, and of a clip with the newline token after the last frame. */
export const FRAME_TOKENS = Math.ceil(IMAGE / PATCH / 2) ** 2;
export const VIDEO_TOKENS = MODEL_FRAMES * FRAME_TOKENS + 1;

const VISION = { hidden_size: 96, intermediate_size: 288, num_hidden_layers: 3, num_attention_heads: 4 };
const TEXT = {
  hidden_size: 192,
  intermediate_size: 448,
  num_hidden_layers: 4,
  num_attention_heads: 6,
  num_key_value_heads: 2,
};
const PINPOINTS = [
  [IMAGE, IMAGE],
  [IMAGE, 2 * IMAGE],
  [2 * IMAGE, IMAGE],
  [2 * IMAGE, 2 * IMAGE],
];

/** LLaVA-OneVision's published processor template and Qwen2's own text template, unchanged. */
const CHAT_TEMPLATE =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + ' '}}{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>' }}{% endfor %}{# Render all video then #}{% for content in message['content'] | selectattr('type', 'equalto', 'video') %}{{ '<video>' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ '\n' + content['text'] }}{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}{{ '\n' + content['text'] }}{% endgeneration %}{% endfor %}{% endif %}{{'<|im_end|>'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const QWEN2_TEMPLATE =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** config.json. The embedding has more rows than the tokenizer has tokens, as in the published models. */
function configJson(vocabulary: Vocabulary) {
  const special = (token: SpecialToken) => vocabulary.tokens.length + SPECIALS.indexOf(token);
  const tokens = vocabulary.tokens.length + SPECIALS.length;
  return {
    architectures: ['LlavaOnevisionForConditionalGeneration'],
    dtype: 'float16',
    image_grid_pinpoints: PINPOINTS,
    image_token_index: special('<image>'),
    model_type: 'llava_onevision',
    multimodal_projector_bias: true,
    projector_hidden_act: 'gelu',
    text_config: {
      attention_dropout: 0.0,
      bos_token_id: special('<|endoftext|>'),
      dtype: 'float16',
      eos_token_id: special('<|im_end|>'),
      hidden_act: 'silu',
      ...TEXT,
      initializer_range: 0.02,
      layer_types: Array.from({ length: TEXT.num_hidden_layers }, () => 'full_attention'),
      max_position_embeddings: 2048,
      max_window_layers: 28,
      model_type: 'qwen2',
      rms_norm_eps: 1e-6,
      rope_scaling: null,
      rope_theta: 10000.0,
      sliding_window: null,
      use_cache: true,
      use_sliding_window: false,
      vocab_size: Math.ceil(tokens / 64) * 64,
    },
    tie_word_embeddings: false,
    transformers_version: '4.57.6',
    video_token_index: special('<video>'),
    vision_aspect_ratio: 'anyres_max_9',
    vision_config: {
      attention_dropout: 0.0,
      dtype: 'float16',
      hidden_act: 'gelu_pytorch_tanh',
      ...VISION,
      image_size: IMAGE,
      layer_norm_eps: 1e-6,
      model_type: 'siglip_vision_model',
      num_channels: 3,
      patch_size: PATCH,
      vision_use_head: false,
    },
    vision_feature_layer: -1,
    vision_feature_select_strategy: 'full',
  };
}

function processorFiles(): Record<string, unknown> {
  const pixels = {
    do_convert_rgb: true,
    do_normalize: true,
    do_pad: true,
    do_rescale: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    processor_class: 'LlavaOnevisionProcessor',
    resample: 3,
    rescale_factor: 0.00392156862745098,
    size: { height: IMAGE, width: IMAGE },
  };
  return {
    'preprocessor_config.json': {
      ...pixels,
      image_grid_pinpoints: PINPOINTS,
      image_processor_type: 'LlavaOnevisionImageProcessor',
    },
    'video_preprocessor_config.json': {
      ...pixels,
      num_frames: MODEL_FRAMES,
      video_processor_type: 'LlavaOnevisionVideoProcessor',
    },
    'processor_config.json': {
      image_token: '<image>',
      num_image_tokens: (IMAGE / PATCH) ** 2,
      processor_class: 'LlavaOnevisionProcessor',
      video_token: '<video>',
      vision_feature_select_strategy: 'full',
    },
  };
}

function tokenizerFiles(vocabulary: Vocabulary): Record<string, unknown> {
  const first = vocabulary.tokens.length;
  const flags = { lstrip: false, normalized: false, rstrip: false, single_word: false };
  return {
    'tokenizer.json': tokenizerJson(vocabulary),
    'vocab.json': Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])),
    'added_tokens.json': Object.fromEntries(SPECIALS.map((content, i) => [content, first + i])),
    'special_tokens_map.json': {
      additional_special_tokens: ['<|im_start|>', '<|im_end|>'],
      eos_token: { content: '<|im_end|>', ...flags },
      pad_token: { content: '<|endoftext|>', ...flags },
    },
    'tokenizer_config.json': {
      added_tokens_decoder: Object.fromEntries(
        SPECIALS.map((content, i) => [String(first + i), { content, ...flags, special: true }]),
      ),
      additional_special_tokens: ['<|im_start|>', '<|im_end|>'],
      bos_token: null,
      chat_template: QWEN2_TEMPLATE,
      clean_up_tokenization_spaces: false,
      eos_token: '<|im_end|>',
      errors: 'replace',
      extra_special_tokens: {},
      model_max_length: 2048,
      pad_token: '<|endoftext|>',
      processor_class: 'LlavaOnevisionProcessor',
      split_special_tokens: false,
      tokenizer_class: 'Qwen2Tokenizer',
      unk_token: null,
    },
  };
}

/** The model's configuration as the rest of the project reads it. */
export function sampleConfig(vocabulary: Vocabulary): LlavaOnevisionConfig {
  const config = parseModelConfig(configJson(vocabulary), 'config.json');
  if (config.family !== 'llava-onevision')
    throw new Error(`internal: sample model: expected llava-onevision, got ${config.family}`);
  return config;
}

/** Writes every JSON file of the checkpoint directory. */
export async function writeModelFiles(dir: string, vocabulary: Vocabulary): Promise<void> {
  await mkdir(dir, { recursive: true });
  const special = (token: SpecialToken) => vocabulary.tokens.length + SPECIALS.indexOf(token);
  const files: Record<string, unknown> = {
    'config.json': configJson(vocabulary),
    'generation_config.json': {
      _from_model_config: true,
      bos_token_id: special('<|endoftext|>'),
      eos_token_id: special('<|im_end|>'),
      transformers_version: '4.57.6',
    },
    'chat_template.json': { chat_template: CHAT_TEMPLATE },
    ...processorFiles(),
    ...tokenizerFiles(vocabulary),
  };
  for (const [name, json] of Object.entries(files))
    await writeFileAtomic(path.join(dir, name), `${JSON.stringify(json, null, 2)}\n`);
  const merges = vocabulary.merges.map((pair) => pair.join(' ')).join('\n');
  await writeFileAtomic(path.join(dir, 'merges.txt'), `#version: 0.2\n${merges}\n`);
}

/**
 * Fresh weights, float32, in the order of `weightShapes`. Linears are normal with deviation 1/sqrt(in) (the two that write
 * into the residual stream 1/sqrt(2 layers) of that), norms one, biases zero.
 */
export function initialWeights(config: LlavaOnevisionConfig, random: Random): Parameter[] {
  return [...weightShapes(config)].map(([name, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const data = new Float32Array(size);
    if (/norm\d?\.weight$/.test(name)) data.fill(1);
    else if (!name.endsWith('.bias')) {
      const stream = random.fork(name);
      const layers = name.startsWith('vision') ? config.vision.layers : config.text.layers;
      const inSize = size / shape[0];
      const deviation = /embed_tokens|image_newline|position_embedding/.test(name)
        ? 0.2
        : /o_proj|out_proj|down_proj|fc2/.test(name)
          ? 1 / Math.sqrt(inSize * 2 * layers)
          : 1 / Math.sqrt(inSize);
      for (let i = 0; i < size; i++) data[i] = stream.normal() * deviation;
    }
    return { name, shape, data };
  });
}

/** The tower's last norm, which LLaVA-OneVision never runs but loads: without it Hugging Face reports missing keys. */
const UNUSED_NORM = 'vision_tower.vision_model.post_layernorm';

/** Writes the weights as float16, which halves the file; values are rounded to nearest. */
export async function writeModelWeights(
  dir: string,
  parameters: readonly Parameter[],
  { vision }: LlavaOnevisionConfig,
): Promise<void> {
  const shape = [vision.hidden];
  const unused = [
    { name: `${UNUSED_NORM}.weight`, shape, data: new Float32Array(vision.hidden).fill(1) },
    { name: `${UNUSED_NORM}.bias`, shape, data: new Float32Array(vision.hidden) },
  ];
  const tensors = [...parameters, ...unused].map(({ name, shape, data }) => ({
    name,
    shape,
    dtype: 'F16' as const,
    data: () => new Float16Array(data),
  }));
  await writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
}
