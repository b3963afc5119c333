/** @file Prompts: numbers in words, durations, placeholders of both families, and refusals by name. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../platform/errors.ts';
import { copyModel } from '../tensor/testing.ts';
import { ChatTemplate } from './chat-template.ts';
import { openModel } from './model.ts';
import { durationText, numberInWords, stampText } from './number-words.ts';
import type { PixelSettings } from './pixels.ts';
import { Processor, smolVlmTiles } from './processor.ts';
import { TextTokenizer } from './tokenizer.ts';

const GOLDEN = path.resolve('../shared/golden');

describe('number words', () => {
  it.each([
    [0, 'zero'],
    [13, 'thirteen'],
    [21, 'twenty-one'],
    [80, 'eighty'],
    [100, 'one hundred'],
    [101, 'one hundred and one'],
    [999, 'nine hundred and ninety-nine'],
    [1000, 'one thousand'],
    [1001, 'one thousand and one'],
    [1234, 'one thousand, two hundred and thirty-four'],
    [2_000_015, 'two million and fifteen'],
  ])('%i is %s', (n, words) => expect(numberInWords(n)).toBe(words));

  it('prints durations and stamps as Python does', () => {
    expect(durationText(4)).toBe('0:00:04');
    expect(durationText(3725)).toBe('1:02:05');
    expect(durationText(86_666)).toBe('1 day, 0:04:26');
    expect(durationText(180_000)).toBe('2 days, 2:00:00');
    expect(stampText(59.99)).toBe('00:59');
    expect(stampText(3724.97)).toBe('62:04');
  });
});

describe('Processor', () => {
  it('expands a LLaVA video to pooled tokens and the newline', async () => {
    const { processor, tokenizer } = await openModel(path.join(GOLDEN, 'pipeline-llava-onevision-tiny/hub'));
    const ask = [
      { role: 'user' as const, content: [{ type: 'video' as const }, { type: 'text' as const, text: 'Q' }] },
    ];
    const prompt = processor.prompt(tokenizer, ask, [{ frames: 3 }]);
    expect(prompt.chatText).toBe('<|im_start|>user <video>\nQ<|im_end|><|im_start|>assistant\n');
    expect(prompt.ids.filter((id) => id === tokenizer.id('<video>')).length).toBe(3 * 4 + 1);
    expect(processor.pixels).toMatchObject({ width: 32, height: 32, filter: 'bicubic' });
    expect(() => processor.expand('no video here', [{ frames: 3 }])).toThrow(
      'expected 1 video placeholders "<video>", got 0',
    );
  });

  it('begins a conversation once, where template and tokenizer both would', async () => {
    const hub = path.join(GOLDEN, 'pipeline-llava-onevision-tiny/hub');
    const json = JSON.parse(await readFile(path.join(hub, 'tokenizer.json'), 'utf8')) as object;
    const bos = '<|endoftext|>';
    const single = [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    const tokenizer = new TextTokenizer(
      { ...json, post_processor: { type: 'TemplateProcessing', single } },
      { bos_token: bos },
      'tokenizer.json',
    );
    expect(tokenizer.encode('Q').ids[0]).toBe(tokenizer.bosId);
    const begins = (source: string, pixels?: PixelSettings) => {
      const template = new ChatTemplate(source, 'template', { bos_token: bos });
      const processor = new Processor({ pixels, template });
      const { ids } = processor.prompt(tokenizer, [{ role: 'user', content: 'Q' }]);
      return ids.filter((id) => id === tokenizer.bosId).length;
    };
    const { pixels } = (await openModel(hub)).processor;
    const [own, none] = ["{{ bos_token }}{{ messages[0]['content'] }}", "{{ messages[0]['content'] }}"];
    expect([begins(own), begins(none)]).toEqual([1, 0]); // tokenizer.apply_chat_template
    expect([begins(own, pixels), begins(none, pixels)]).toEqual([1, 1]); // a processor's
  });

  it('splits SmolVLM images as the reference does', () => {
    expect(smolVlmTiles(64, 96, 128, 32)).toEqual([3, 4]);
    expect(smolVlmTiles(200, 40, 128, 32)).toEqual([4, 1]);
    expect(smolVlmTiles(32, 32, 128, 32)).toEqual([4, 4]);
    expect(smolVlmTiles(10, 10, 32, 32)).toEqual([0, 0]);
  });

  it('names processor files that are missing or of another model', async () => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-processor-'));
    const hub = path.join(dir, 'hub');
    await copyModel(path.join(GOLDEN, 'pipeline-smolvlm-tiny/hub'), hub);
    const settings = path.join(hub, 'preprocessor_config.json');
    await rm(settings);
    const missing: unknown = await openModel(hub).catch((e: unknown) => e);
    expect(missing).toBeInstanceOf(UserError);
    expect((missing as UserError).message).toContain(
      'video_preprocessor_config.json or preprocessor_config.json',
    );
    await writeFile(
      settings,
      JSON.stringify({
        resample: 1,
        size: { longest_edge: 256 },
        max_image_size: { longest_edge: 64 },
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
      }),
    );
    await expect(openModel(hub)).rejects.toThrow('expected 32 x 32 from config.json, got 64 x 64');
    await writeFile(settings, JSON.stringify({ resample: 9 }));
    await expect(openModel(hub)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: `${settings}: expected resample to be 1 (lanczos), 2 (bilinear) or 3 (bicubic), got 9`,
    });
    await rm(path.join(hub, 'tokenizer.json'));
    await expect(openModel(hub)).rejects.toThrow('tokenizer.json: expected a readable file');
    await rm(dir, { recursive: true });
  });
});
