/**
 * @file `config.json` of a Hugging Face checkpoint, read into one closed type per family. Understands what
 * transformers 4.x and 5.x write (rope_theta or rope_parameters, image_token_index or image_token_id) and fills in the
 * defaults that those versions leave out of the file. What the families cannot compute is refused here, by name.
 */
import { UserError } from '../platform/errors.ts';

/** How the rotary angles are derived from positions; see `ropeFrequencies` in families/rope.ts. */
export type RopeConfig =
  | { type: 'default'; theta: number }
  | { type: 'linear'; theta: number; factor: number }
  | {
      type: 'llama3';
      theta: number;
      factor: number;
      lowFreqFactor: number;
      highFreqFactor: number;
      originalMaxPositions: number;
    };

/** A Qwen2 or Llama decoder. */
export type DecoderConfig = {
  architecture: 'qwen2' | 'llama';
  /** Prefix of the decoder's tensor names in the published (4.x) layout, for example `language_model.model.`. */
  prefix: string;
  /** Name of the output head's weight in that layout; with `tied` the embedding is used instead. */
  head: string;
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  ffn: number;
  vocab: number;
  rmsEps: number;
  rope: RopeConfig;
  /** Positions that it was made for; beyond them its answers mean little. Linear scaling stretches what the file says. */
  maxPositions: number;
  /** Biases on q, k, v (Qwen2 always; Llama with attention_bias). */
  qkvBias: boolean;
  /** Bias on the attention output projection (Llama with attention_bias). */
  outBias: boolean;
  mlpBias: boolean;
  tied: boolean;
};

/** Activations the towers and projectors use; all are GELU, exact or the tanh approximation. */
export type Activation = 'gelu' | 'gelu_tanh';

/** A SigLIP vision tower. */
export type SiglipConfig = {
  prefix: string;
  hidden: number;
  layers: number;
  heads: number;
  ffn: number;
  imageSize: number;
  patchSize: number;
  channels: number;
  layerNormEps: number;
  activation: Activation;
};

export type LlavaOnevisionConfig = {
  family: 'llava-onevision';
  text: DecoderConfig;
  vision: SiglipConfig;
  /** Hidden states of the tower that are concatenated into the features; 0 = embeddings, n = after layer n-1. */
  featureLayers: readonly number[];
  projectorBias: boolean;
  projectorActivation: Activation;
  imageToken: number;
  videoToken: number;
  /** Resolutions (height, width) an image may be tiled to, in pixels. */
  pinpoints: readonly (readonly [number, number])[];
  /** The N of `anyres_max_N`: above N tiles' worth of features the tile grid is downsampled. */
  anyresMax: number;
};

export type SmolVlmConfig = {
  family: 'smolvlm';
  text: DecoderConfig;
  vision: SiglipConfig;
  /** Side of the square of patches that pixel shuffle folds into one token. */
  scaleFactor: number;
  imageToken: number;
};

export type TextConfig = { family: 'qwen2' | 'llama'; text: DecoderConfig };

/** A checkpoint's configuration, by family. */
export type ModelConfig = TextConfig | LlavaOnevisionConfig | SmolVlmConfig;

type Json = Record<string, unknown>;

/** Reads keys of one JSON object and complains with file, key, expected and got. */
class Reader {
  readonly file: string;
  readonly path: string;
  readonly json: Json;

  constructor(file: string, path: string, json: Json) {
    this.file = file;
    this.path = path;
    this.json = json;
  }

  fail(key: string, expected: string, code: 'BAD_INPUT' | 'UNSUPPORTED' = 'BAD_INPUT'): UserError {
    return new UserError(
      code,
      `${this.file}: ${this.path}${key}: expected ${expected}, got ${JSON.stringify(this.json[key]) ?? 'nothing'}`,
      code === 'UNSUPPORTED'
        ? 'Choose a checkpoint of a supported kind: LLaVA-OneVision, LLaVA-Video, SmolVLM2, Qwen2 or Llama.'
        : 'Restore config.json from where the checkpoint was published.',
    );
  }

  number(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.fail(key, 'a number');
    return value;
  }

  /** A whole number of at least `least`. */
  count(key: string, fallback?: number, least = 1): number {
    const value = this.number(key, fallback);
    if (!Number.isInteger(value) || value < least)
      throw this.fail(key, `a whole number of at least ${least}`);
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    if (typeof value !== 'boolean') throw this.fail(key, 'true or false');
    return value;
  }

  object(key: string): Reader {
    const value = this.json[key] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw this.fail(key, 'an object');
    return new Reader(this.file, `${this.path}${key}.`, value as Json);
  }

  activation(key: string, fallback: string): Activation {
    switch (this.json[key] ?? fallback) {
      case 'gelu':
        return 'gelu';
      case 'gelu_pytorch_tanh':
      case 'gelu_new':
        return 'gelu_tanh';
      default:
        throw this.fail(key, '"gelu" or "gelu_pytorch_tanh"', 'UNSUPPORTED');
    }
  }
}

/** Parses the content of a `config.json`; `file` is only used in messages. */
export function parseModelConfig(json: unknown, file: string): ModelConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UserError('BAD_INPUT', `${file}: expected a JSON object`, 'Restore config.json.');
  const root = new Reader(file, '', json as Json);
  switch (root.json.model_type) {
    case 'qwen2':
    case 'llama':
      return {
        family: root.json.model_type,
        text: parseDecoder(root, root, root.json.model_type, 'model.', 'lm_head.weight'),
      };
    case 'llava_onevision':
      return parseLlavaOnevision(root);
    case 'smolvlm':
      return parseSmolVlm(root);
    case 'llava':
    case 'llava_qwen':
      throw new UserError(
        'UNSUPPORTED',
        `${file}: model_type: expected "llava_onevision", got "${root.json.model_type}", the layout of the original LLaVA code`,
        'Use the same model in Hugging Face layout (its name ends in -hf), or convert it with the script that transformers has for it.',
      );
    default:
      throw root.fail('model_type', '"llava_onevision", "smolvlm", "qwen2" or "llama"', 'UNSUPPORTED');
  }
}

function parseDecoder(
  root: Reader,
  text: Reader,
  architecture: 'qwen2' | 'llama',
  prefix: string,
  head: string,
): DecoderConfig {
  if ((text.json.hidden_act ?? 'silu') !== 'silu') throw text.fail('hidden_act', '"silu"', 'UNSUPPORTED');
  const sliding = Array.isArray(text.json.layer_types) && text.json.layer_types.includes('sliding_attention');
  if (text.flag('use_sliding_window', false) || sliding)
    throw text.fail('use_sliding_window', 'false (full attention in every layer)', 'UNSUPPORTED');
  const hidden = text.count('hidden_size', 4096);
  const heads = text.count('num_attention_heads', 32);
  const kvHeads = text.count('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) throw text.fail('num_key_value_heads', `a divisor of ${heads} heads`);
  const headDim = text.count('head_dim', Math.floor(hidden / heads));
  if (headDim % 2 !== 0) throw text.fail('head_dim', 'an even number');
  const attentionBias = text.flag('attention_bias', false);
  const rope = parseRope(text);
  const positions = text.count('max_position_embeddings', architecture === 'qwen2' ? 32768 : 2048);
  return {
    architecture,
    prefix,
    head,
    hidden,
    layers: text.count('num_hidden_layers', 32),
    heads,
    kvHeads,
    headDim,
    ffn: text.count('intermediate_size', architecture === 'qwen2' ? 22016 : 11008),
    vocab: text.count('vocab_size', architecture === 'qwen2' ? 151936 : 32000),
    rmsEps: text.number('rms_norm_eps', 1e-6),
    rope,
    maxPositions: positions * (rope.type === 'linear' ? rope.factor : 1),
    qkvBias: architecture === 'qwen2' || attentionBias,
    outBias: architecture === 'llama' && attentionBias,
    mlpBias: architecture === 'llama' && text.flag('mlp_bias', false),
    // 4.x writes the flag of a nested text model only where it differs from that class's default (false).
    tied: text.flag('tie_word_embeddings', false) || root.flag('tie_word_embeddings', false),
  };
}

function parseRope(text: Reader): RopeConfig {
  // 5.x: rope_parameters; 4.x: rope_theta beside an optional rope_scaling ("type" in older files).
  const parameters = text.json.rope_parameters != null ? text.object('rope_parameters') : undefined;
  const theta = parameters ? parameters.number('rope_theta', 10000) : text.number('rope_theta', 10000);
  const scaling = parameters ?? (text.json.rope_scaling != null ? text.object('rope_scaling') : undefined);
  const key = scaling?.json.rope_type == null && scaling?.json.type != null ? 'type' : 'rope_type';
  switch (scaling?.json[key] ?? 'default') {
    case 'default':
      return { type: 'default', theta };
    case 'linear':
      return { type: 'linear', theta, factor: scaling!.number('factor') };
    case 'llama3':
      return {
        type: 'llama3',
        theta,
        factor: scaling!.number('factor'),
        lowFreqFactor: scaling!.number('low_freq_factor'),
        highFreqFactor: scaling!.number('high_freq_factor'),
        originalMaxPositions: scaling!.number('original_max_position_embeddings'),
      };
    default:
      throw scaling!.fail(key, '"default", "linear" or "llama3"', 'UNSUPPORTED');
  }
}

function textArchitecture(text: Reader, fallback: 'qwen2' | 'llama'): 'qwen2' | 'llama' {
  const type = text.json.model_type ?? fallback;
  if (type !== 'qwen2' && type !== 'llama')
    throw text.fail('model_type', '"qwen2" or "llama"', 'UNSUPPORTED');
  return type;
}

/** Defaults of the two vision classes; 4.x leaves values equal to them out of nested configurations. */
const VISION_DEFAULTS = {
  siglip: { hidden: 768, ffn: 3072, layers: 12, heads: 12, image: 224, patch: 16 },
  smolvlm: { hidden: 1152, ffn: 3072, layers: 12, heads: 16, image: 224, patch: 32 },
} as const;

function parseSiglip(vision: Reader, kind: keyof typeof VISION_DEFAULTS, prefix: string): SiglipConfig {
  const defaults = VISION_DEFAULTS[kind];
  const config: SiglipConfig = {
    prefix,
    hidden: vision.count('hidden_size', defaults.hidden),
    layers: vision.count('num_hidden_layers', defaults.layers),
    heads: vision.count('num_attention_heads', defaults.heads),
    ffn: vision.count('intermediate_size', defaults.ffn),
    imageSize: vision.count('image_size', defaults.image),
    patchSize: vision.count('patch_size', defaults.patch),
    channels: vision.count('num_channels', 3),
    layerNormEps: vision.number('layer_norm_eps', 1e-6),
    activation: vision.activation('hidden_act', 'gelu_pytorch_tanh'),
  };
  if (config.hidden % config.heads !== 0)
    throw vision.fail('num_attention_heads', `a divisor of hidden_size ${config.hidden}`);
  return config;
}

function parseLlavaOnevision(root: Reader): LlavaOnevisionConfig {
  const text = root.object('text_config');
  const visionReader = root.object('vision_config');
  if ((visionReader.json.model_type ?? 'siglip_vision_model') !== 'siglip_vision_model')
    throw visionReader.fail('model_type', '"siglip_vision_model"', 'UNSUPPORTED');
  const vision = parseSiglip(visionReader, 'siglip', 'vision_tower.vision_model.');
  const strategy = root.json.vision_feature_select_strategy ?? 'full';
  if (strategy !== 'full')
    throw root.fail('vision_feature_select_strategy', '"full" (SigLIP has no class token)', 'UNSUPPORTED');
  const layer = root.json.vision_feature_layer ?? -1;
  const featureLayers = (Array.isArray(layer) ? (layer as unknown[]) : [layer]).map((value) => {
    const index = typeof value === 'number' && value < 0 ? vision.layers + 1 + value : value;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > vision.layers)
      throw root.fail('vision_feature_layer', `layers of a tower of ${vision.layers}`);
    return index;
  });
  const aspect = root.json.vision_aspect_ratio ?? 'anyres_max_9';
  const max = typeof aspect === 'string' ? /^anyres_max_(\d+)$/.exec(aspect) : null;
  if (!max) throw root.fail('vision_aspect_ratio', '"anyres_max_N"', 'UNSUPPORTED');
  return {
    family: 'llava-onevision',
    text: parseDecoder(
      root,
      text,
      textArchitecture(text, 'qwen2'),
      'language_model.model.',
      'language_model.lm_head.weight',
    ),
    vision,
    featureLayers,
    projectorBias: root.flag('multimodal_projector_bias', true),
    projectorActivation: root.activation('projector_hidden_act', 'gelu'),
    imageToken: root.count('image_token_id', root.number('image_token_index', 151646), 0),
    videoToken: root.count('video_token_id', root.number('video_token_index', 151647), 0),
    pinpoints: parsePinpoints(root),
    anyresMax: Number(max[1]),
  };
}

function parsePinpoints(root: Reader): [number, number][] {
  const value = root.json.image_grid_pinpoints ?? [];
  const ok = (pair: unknown): pair is [number, number] =>
    Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n > 0);
  if (!Array.isArray(value) || !value.every(ok))
    throw root.fail('image_grid_pinpoints', 'pairs [height, width]');
  return value;
}

function parseSmolVlm(root: Reader): SmolVlmConfig {
  const text = root.object('text_config');
  const vision = parseSiglip(root.object('vision_config'), 'smolvlm', 'model.vision_model.');
  const scaleFactor = root.count('scale_factor', 2);
  const side = Math.floor(vision.imageSize / vision.patchSize);
  if (side % scaleFactor !== 0) throw root.fail('scale_factor', `a divisor of ${side} patches a side`);
  return {
    family: 'smolvlm',
    text: parseDecoder(root, text, textArchitecture(text, 'llama'), 'model.text_model.', 'lm_head.weight'),
    vision,
    scaleFactor,
    imageToken: root.count('image_token_id', 128257, 0),
  };
}

/** Whether the model looks at pictures. */
export function hasVision(config: ModelConfig): config is LlavaOnevisionConfig | SmolVlmConfig {
  return config.family === 'llava-onevision' || config.family === 'smolvlm';
}
