/** @file Chat renderings, their ids and assistant regions of the tokenizer goldens, exactly. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../platform/errors.ts';
import { ChatTemplate, openChatTemplate, SMOLVLM_VIDEO_TEMPLATE } from './chat-template.ts';
import type { ChatMessage } from './chat-template.ts';
import { openTokenizer } from './tokenizer.ts';

const GOLDEN = path.resolve('../shared/golden');
type Chat = {
  name: string;
  template: string;
  add_generation_prompt: boolean;
  messages: ChatMessage[];
  text: string;
  ids: number[];
  assistant_mask?: number[];
};

for (const name of ['tokenizer-qwen2-like', 'tokenizer-smollm-like'])
  describe(name, async () => {
    const hub = path.join(GOLDEN, name, 'hub');
    const { chat } = JSON.parse(readFileSync(path.join(GOLDEN, name, 'manifest.json'), 'utf8')) as {
      chat: Chat[];
    };
    const tokenizer = await openTokenizer(hub);

    it.each(chat)('renders $name', (c) => {
      const json = JSON.parse(readFileSync(path.join(hub, c.template), 'utf8')) as { chat_template: string };
      const template = new ChatTemplate(json.chat_template, c.template);
      const { text, generated } = template.render(c.messages, {
        addGenerationPrompt: c.add_generation_prompt,
      });
      expect(text).toBe(c.text);
      const { ids, offsets } = tokenizer.encode(text);
      expect(ids).toEqual(c.ids);
      if (c.assistant_mask)
        expect(
          offsets.map(([start, end]) => (generated.some(([a, b]) => start < b && end > a) ? 1 : 0)),
        ).toEqual(c.assistant_mask);
    });
  });

describe('openChatTemplate', () => {
  it('takes the processor template before the tokenizer template', async () => {
    const template = await openChatTemplate(path.join(GOLDEN, 'tokenizer-qwen2-like/hub'));
    const { text } = template.render([{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }]);
    expect(text).toBe('<|im_start|>user \nHi<|im_end|><|im_start|>assistant\n');
  });

  it('says what is missing when a checkpoint has none', async () => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-template-'));
    await writeFile(path.join(dir, 'tokenizer_config.json'), '{"bos_token":"<s>"}');
    const error: unknown = await openChatTemplate(dir).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain('expected a chat template');
    await rm(dir, { recursive: true });
  });

  it('names the file of a template that is not Jinja, and of one that refuses the conversation', () => {
    expect(() => new ChatTemplate('{% for %}', 'a/chat_template.jinja')).toThrow(/a\/chat_template\.jinja/);
    const strict = new ChatTemplate("{{ raise_exception('roles must alternate') }}", 'b.jinja');
    expect(() => strict.render([])).toThrow(/b\.jinja.*roles must alternate/);
  });

  it('has the built-in video template of SmolVLM', () => {
    const { text } = new ChatTemplate(SMOLVLM_VIDEO_TEMPLATE, 'built-in').render([
      { role: 'user', content: [{ type: 'video' }, { type: 'text', text: 'Why?' }] },
    ]);
    expect(text).toBe('<|im_start|>User: <video>Why?<end_of_utterance>\nAssistant:');
  });
});
