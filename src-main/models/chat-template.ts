/**
 * @file Chat templates (Jinja) rendered as transformers does: trim_blocks and lstrip_blocks on, `{% generation %}` regions
 * reported. Which template a conversation gets follows the processors: the processor's own file first, then the tokenizer's.
 */
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import { Template } from '@huggingface/jinja';
import { UserError } from '../platform/errors.ts';
import { exists, readJson } from './checkpoint.ts';

/** One part of a message. Videos and images are placeholders; their pixels travel beside the conversation. */
export type ContentPart = { type: 'text'; text: string } | { type: 'image' } | { type: 'video' };

/** One turn. Text-only templates want a plain string as content, the vision families' templates want parts. */
export type ChatMessage = { role: 'system' | 'user' | 'assistant'; content: string | readonly ContentPart[] };

/** A rendered conversation. */
export type RenderedChat = {
  text: string;
  /** Code-point spans of what `{% generation %}` encloses (the assistant's turns); empty if the template has none. */
  generated: [start: number, end: number][];
};

export type RenderOptions = {
  /** Ends with the header of the assistant's turn. @default true */
  addGenerationPrompt?: boolean;
};

/** Private-use characters that stand for the borders of a generation block while rendering. */
const OPEN = '\u{f8fe0}';
const CLOSE = '\u{f8fe1}';

/** A compiled chat template. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #file: string;
  readonly #variables: Record<string, unknown>;

  /** `variables` are offered to the template beside the messages (bos_token, eos_token, ...). */
  constructor(source: string, file: string, variables: Record<string, unknown> = {}) {
    this.#file = file;
    this.#variables = variables;
    // The package renders the body of a generation block but not where it stood.
    const marked = source
      .replace(/\{%(-?)\s*generation\s*(-?)%\}/g, (_, a: string, b: string) => `{{${a} '${OPEN}' ${b}}}`)
      .replace(/\{%(-?)\s*endgeneration\s*(-?)%\}/g, (_, a: string, b: string) => `{{${a} '${CLOSE}' ${b}}}`);
    try {
      // The package sets lstrip_blocks and trim_blocks itself, as transformers does.
      this.#template = new Template(marked);
    } catch (cause) {
      throw new UserError(
        'CORRUPT',
        `${file}: chat template: expected valid Jinja, got ${cause instanceof Error ? cause.message : String(cause)}`,
        'Restore the chat template from where the checkpoint was published.',
        { cause },
      );
    }
  }

  /** Renders a conversation. */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): RenderedChat {
    let raw: string;
    try {
      raw = this.#template.render({
        ...this.#variables,
        messages,
        add_generation_prompt: options.addGenerationPrompt ?? true,
      });
    } catch (cause) {
      throw new UserError(
        'BAD_INPUT',
        `${this.#file}: chat template: expected a conversation it accepts, got ${cause instanceof Error ? cause.message : String(cause)}`,
        'Check the roles and their order: an optional system message, then user and assistant in turn.',
        { cause },
      );
    }
    const generated: [number, number][] = [];
    let text = '';
    let length = 0;
    for (const char of raw) {
      if (char === OPEN) generated.push([length, length]);
      else if (char === CLOSE) generated.at(-1)![1] = length;
      else {
        text += char;
        length++;
      }
    }
    return { text, generated };
  }
}

/**
 * The template that SmolVLMProcessor swaps in when a conversation has a video (the published template has no branch for
 * it): a system text of its own is not added, and the video placeholder is plain text that the processor replaces.
 */
export const SMOLVLM_VIDEO_TEMPLATE =
  "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}" +
  "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}" +
  "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}" +
  "{% elif line['type'] == 'image' %}{{ '<image>' }}" +
  "{% elif line['type'] == 'video' %}{{ '<video>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

type Json = Record<string, unknown>;

/** A `chat_template` entry: a string, or a list of named ones of which `default` counts. */
function templateText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = (value as Json[]).find((t) => t.name === 'default');
  return typeof named?.template === 'string' ? named.template : undefined;
}

/**
 * The chat template of a checkpoint directory: `chat_template.jinja` or `chat_template.json` (the processor's), then
 * `processor_config.json`, then `tokenizer_config.json`. Throws a UserError when there is none.
 */
export async function openChatTemplate(dir: string): Promise<ChatTemplate> {
  const hint = 'Copy the chat template from where the checkpoint was published.';
  const configFile = path.join(dir, 'tokenizer_config.json');
  const config = (await exists(configFile)) ? ((await readJson(configFile, hint)) as Json) : {};
  const variables: Json = {};
  for (const key of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const value = config[key];
    const text = typeof value === 'object' && value !== null ? (value as Json).content : value;
    if (typeof text === 'string') variables[key] = text;
  }
  const jinja = path.join(dir, 'chat_template.jinja');
  if (await exists(jinja)) return new ChatTemplate(await readFile(jinja, 'utf8'), jinja, variables);
  for (const name of ['chat_template.json', 'processor_config.json', 'tokenizer_config.json']) {
    const file = path.join(dir, name);
    if (!(await exists(file))) continue;
    const text = templateText(((await readJson(file, hint)) as Json).chat_template);
    if (text !== undefined) return new ChatTemplate(text, file, variables);
  }
  throw new UserError(
    'BAD_INPUT',
    `${dir}: expected a chat template in chat_template.jinja, chat_template.json or tokenizer_config.json, got none`,
    'Use the instruction-tuned version of the model, or copy its chat template into this folder.',
  );
}
