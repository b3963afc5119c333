/**
 * @file A checkpoint's processor: chat messages and the number of frames become the prompt with its visual placeholders, and the
 * processor files say how pixels are made. Follows LlavaOnevisionProcessor and SmolVLMProcessor of transformers.
 */
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { ChatTemplate, openChatTemplate, SMOLVLM_VIDEO_TEMPLATE } from './chat-template.ts';
import type { ChatMessage, RenderOptions } from './chat-template.ts';
import { exists, readJson } from './checkpoint.ts';
import { hasVision } from './config.ts';
import type { ModelConfig } from './config.ts';
import { patchSide } from './families/siglip.ts';
import { pictureTokenCount } from './families/smolvlm.ts';
import { durationText, numberInWords, stampText } from './number-words.ts';
import { pixelSettings } from './pixels.ts';
import type { PixelSettings } from './pixels.ts';
import type { Encoded, TextTokenizer } from './tokenizer.ts';

/** What a prompt needs to know of one video. Without times SmolVLM assumes 24 fps and frames 0, 1, 2, ... */
export type PromptVideo = {
  /** Frames given to the model. */
  frames: number;
  /** Seconds from the start of the video, one per frame. */
  times?: readonly number[];
  /** Length of the video in seconds; the last frame's time when left out. */
  duration?: number;
};

/** A conversation ready for the model. */
export type ProcessedPrompt = Encoded & {
  /** The template's rendering, one placeholder per video. */
  chatText: string;
  /** With placeholders expanded: the text that was tokenized. */
  text: string;
};

type Json = Record<string, unknown>;

/** Frame rate that SmolVLMProcessor assumes when a video comes without metadata. */
const ASSUMED_FPS = 24;

/** What replaces the placeholder of one video. */
export type VideoExpansion = (video: PromptVideo) => string;

/** LLaVA-OneVision: one token per pooled cell of every frame, and one for the newline behind the last. */
function llavaVideoExpansion(token: string, tokensPerPicture: number): VideoExpansion {
  const side = Math.ceil(Math.floor(Math.sqrt(tokensPerPicture)) / 2);
  return ({ frames }) => token.repeat(frames * side * side + 1);
}

/** Special tokens around SmolVLM's pictures. */
const SMOLVLM = { fake: '<fake_token_around_image>', global: '<global-img>', image: '<image>' };

/** SmolVLM: an introduction in words, then every frame with its time stamp as a picture of its own. */
export function smolVlmVideoExpansion(tokensPerPicture: number): VideoExpansion {
  const picture = SMOLVLM.fake + SMOLVLM.global + SMOLVLM.image.repeat(tokensPerPicture) + SMOLVLM.fake;
  return ({ frames, times, duration }) => {
    const seconds = times ?? Array.from({ length: frames }, (_, i) => i / ASSUMED_FPS);
    const length = Math.trunc(duration ?? seconds.at(-1) ?? 0);
    const intro = `You are provided the following series of ${numberInWords(frames)} frames from a ${durationText(length)} [H:MM:SS] video.\n`;
    const stamped = seconds.map((second) => `\nFrame from ${stampText(second)}:${picture}`);
    return `${intro}${stamped.join('')}\n\n`;
  };
}

/**
 * SmolVLM: what replaces an image's placeholder when the image is split into rows x columns tiles and a small whole
 * (0 x 0: only the whole).
 */
export function smolVlmImageExpansion(tokensPerPicture: number, rows: number, columns: number): string {
  const tokens = SMOLVLM.image.repeat(tokensPerPicture);
  const whole = SMOLVLM.fake + SMOLVLM.global + tokens + SMOLVLM.fake;
  if (rows === 0 || columns === 0) return whole;
  const lines = Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, c) => `${SMOLVLM.fake}<row_${r + 1}_col_${c + 1}>${tokens}`).join(''),
  );
  return `${lines.join('\n')}\n\n${whole}`;
}

/** Rows and columns of tiles that SmolVLM's image processor splits an image into; [0, 0] where it stays whole. */
export function smolVlmTiles(
  height: number,
  width: number,
  longestEdge: number,
  tile: number,
): [number, number] {
  const ratio = width / height;
  const even = (n: number) => Math.max(1, n + (n % 2));
  const [h, w] =
    width >= height
      ? [even(Math.trunc(longestEdge / ratio)), longestEdge]
      : [longestEdge, even(Math.trunc(longestEdge * ratio))];
  const up = (n: number) => Math.ceil(n / tile) * tile;
  const [fullHeight, fullWidth] =
    w >= h ? [up(Math.trunc(up(w) / (w / h))), up(w)] : [up(h), up(Math.trunc(up(h) * (w / h)))];
  if (fullHeight <= tile && fullWidth <= tile) return [0, 0];
  return [fullHeight / tile, fullWidth / tile];
}

/** A processor of one checkpoint; immutable. */
export class Processor {
  /** How frames become pixels, with the reference's exact resampling; undefined for text models. */
  readonly pixels: PixelSettings | undefined;
  readonly #template: ChatTemplate;
  /** Template for conversations with a video, where it differs. */
  readonly #videoTemplate: ChatTemplate;
  readonly #expand: VideoExpansion | undefined;
  readonly #placeholder: string;

  constructor(parts: {
    pixels: PixelSettings | undefined;
    template: ChatTemplate;
    videoTemplate?: ChatTemplate;
    placeholder?: string;
    expand?: VideoExpansion;
  }) {
    this.pixels = parts.pixels;
    this.#template = parts.template;
    this.#videoTemplate = parts.videoTemplate ?? parts.template;
    this.#placeholder = parts.placeholder ?? '<video>';
    this.#expand = parts.expand;
  }

  /** Renders a conversation, one placeholder per video. */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    const hasVideo = messages.some(
      ({ content }) => typeof content !== 'string' && content.some((part) => part.type === 'video'),
    );
    return (hasVideo ? this.#videoTemplate : this.#template).render(messages, options).text;
  }

  /** Replaces the placeholders by what each video takes; the numbers of both must agree. */
  expand(chatText: string, videos: readonly PromptVideo[]): string {
    const parts = chatText.split(this.#placeholder);
    if (parts.length - 1 !== videos.length)
      throw new UserError(
        'BAD_INPUT',
        `prompt: expected ${videos.length} video placeholders "${this.#placeholder}", got ${parts.length - 1}`,
        `Remove "${this.#placeholder}" from the question's text; the video is put in by the workbench.`,
      );
    const expand = this.#expand;
    if (videos.length > 0 && !expand)
      throw new UserError(
        'UNSUPPORTED',
        'prompt: expected no video, because this model only reads text',
        'Choose a video-language model.',
      );
    return parts.map((part, i) => part + (i < videos.length && expand ? expand(videos[i]) : '')).join('');
  }

  /**
   * A conversation as token ids, with the spans of every token in the expanded text. As in transformers, the chat template of a text
   * model says all there is, and a processor lets the tokenizer add its own tokens unless the template began with the first of them:
   * else Llama 3 would begin with two.
   */
  prompt(
    tokenizer: TextTokenizer,
    messages: readonly ChatMessage[],
    videos: readonly PromptVideo[] = [],
    options: RenderOptions = {},
  ): ProcessedPrompt {
    const chatText = this.render(messages, options);
    const text = this.expand(chatText, videos);
    const bos = tokenizer.bosId === undefined ? undefined : tokenizer.token(tokenizer.bosId);
    const begun = bos !== undefined && text.startsWith(bos);
    const addSpecialTokens = this.pixels !== undefined && !begun;
    return { ...tokenizer.encode(text, { addSpecialTokens }), chatText, text };
  }
}

async function optionalJson(dir: string, name: string): Promise<Json | undefined> {
  const file = path.join(dir, name);
  if (!(await exists(file))) return undefined;
  return (await readJson(file, `Copy ${name} from where the checkpoint was published.`)) as Json;
}

/** Opens the processor of a checkpoint directory. */
export async function openProcessor(dir: string, config: ModelConfig): Promise<Processor> {
  const template = await openChatTemplate(dir);
  if (!hasVision(config)) return new Processor({ pixels: undefined, template });
  const processor = (await optionalJson(dir, 'processor_config.json')) ?? {};
  const files = ['video_preprocessor_config.json', 'preprocessor_config.json'];
  let settings: Json | undefined;
  let from = 'processor_config.json';
  for (const name of files) {
    if (settings !== undefined) break;
    settings = await optionalJson(dir, name);
    if (settings !== undefined) from = name;
  }
  // transformers 5.x writes one file that holds all processors.
  settings ??= (processor.video_processor ?? processor.image_processor) as Json | undefined;
  if (!settings)
    throw new UserError(
      'BAD_INPUT',
      `${dir}: expected ${files.join(' or ')}, got neither`,
      'Copy the processor files from where the checkpoint was published.',
    );
  const pixels = pixelSettings(settings, 'torchvision', path.join(dir, from));
  const { imageSize } = config.vision;
  if (pixels.height !== imageSize || pixels.width !== imageSize)
    throw new UserError(
      'BAD_INPUT',
      `${dir}: processor size: expected ${imageSize} x ${imageSize} from config.json, got ${pixels.height} x ${pixels.width}`,
      'The processor files and the weights do not belong together. Copy both from the same checkpoint.',
    );
  const number = (key: string, fallback: number) =>
    typeof processor[key] === 'number' ? processor[key] : fallback;
  if (config.family === 'smolvlm')
    return new Processor({
      pixels,
      template,
      videoTemplate: new ChatTemplate(SMOLVLM_VIDEO_TEMPLATE, 'built-in video template of SmolVLM'),
      expand: smolVlmVideoExpansion(number('image_seq_len', pictureTokenCount(config))),
    });
  const placeholder = typeof processor.video_token === 'string' ? processor.video_token : '<video>';
  return new Processor({
    pixels,
    template,
    placeholder,
    expand: llavaVideoExpansion(placeholder, number('num_image_tokens', patchSide(config.vision) ** 2)),
  });
}
