/** @file Pairs in tokens: answer formats of the templates, marks, end tokens, and why a pair cannot be used. */
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ChatTemplate, openChatTemplate, SMOLVLM_VIDEO_TEMPLATE } from '../models/chat-template.ts';
import { openCheckpoint } from '../models/checkpoint.ts';
import type { ModelConfig } from '../models/config.ts';
import { openTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import { trimSpan } from '../platform/tagged-text.ts';
import {
  answerFormat,
  encodeAnswer,
  encodePair,
  officialPromptLabels,
  type AnswerFormat,
} from './encode-pair.ts';

const golden = path.join(import.meta.dirname, '../../../shared/golden');
const LLAVA = path.join(golden, 'pipeline-llava-onevision-tiny/hub');
const SMOLVLM = path.join(golden, 'pipeline-smolvlm-tiny/hub');

let llava: { config: ModelConfig; tokenizer: TextTokenizer; format: AnswerFormat };
let smolvlm: { config: ModelConfig; tokenizer: TextTokenizer };
beforeAll(async () => {
  const { config } = await openCheckpoint(LLAVA);
  const format = answerFormat(await openChatTemplate(LLAVA), config);
  llava = { config, tokenizer: await openTokenizer(LLAVA), format };
  smolvlm = { config: (await openCheckpoint(SMOLVLM)).config, tokenizer: await openTokenizer(SMOLVLM) };
});

/** Marked tokens as text. */
const marked = (tokenizer: TextTokenizer, answer: ReturnType<typeof encodeAnswer>) =>
  answer.ids.filter((_, i) => answer.phraseOf[i] > 0).map((id) => tokenizer.token(id));

describe('answerFormat', () => {
  it('follows each template: what the model writes after its prompt, and how the turn ends', async () => {
    expect(llava.format).toMatchObject({ lead: '', closing: '<|im_end|>' });
    const published = answerFormat(await openChatTemplate(SMOLVLM), smolvlm.config);
    expect(published).toMatchObject({ lead: ' ', closing: '<end_of_utterance>\n' });
    const video = new ChatTemplate(SMOLVLM_VIDEO_TEMPLATE, 'built in');
    expect(answerFormat(video, smolvlm.config)).toEqual(published);
    const chatml = new ChatTemplate(
      "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}" +
        '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}',
      'chatml',
    );
    const text = { ...llava.config, family: 'qwen2' } as ModelConfig;
    expect(answerFormat(chatml, text)).toMatchObject({ lead: '', closing: '<|im_end|>\n' });
  });
});

describe('encodeAnswer', () => {
  it('ends the response with the end token and marks by code points', () => {
    const answer = encodeAnswer(llava.tokenizer, llava.format, 'A 🦢 is near.', [{ start: 2, end: 3 }]);
    expect(answer.responseLength).toBe(answer.ids.length);
    expect(llava.tokenizer.token(answer.ids.at(-1)!)).toBe('<|im_end|>');
    expect(answer.uncovered).toEqual([]);
    const swan = answer.ids.filter((_, i) => answer.phraseOf[i] > 0);
    expect(llava.tokenizer.decode(swan).trim()).toBe('🦢');
  });

  it('leaves the template around the answer unmarked and outside the response', async () => {
    const format = answerFormat(await openChatTemplate(SMOLVLM), smolvlm.config);
    const text = 'A goose.';
    const answer = encodeAnswer(smolvlm.tokenizer, format, text, [{ start: 0, end: 8 }]);
    expect(answer.ids.length - answer.responseLength).toBe(1); // the newline after the end token
    expect(smolvlm.tokenizer.token(answer.ids[answer.responseLength - 1])).toBe('<end_of_utterance>');
    expect(answer.phraseOf[answer.responseLength - 1]).toBe(0);
    expect(marked(smolvlm.tokenizer, answer).length).toBe(answer.responseLength - 1);
    expect(smolvlm.tokenizer.decode(answer.ids)).toBe(' A goose.<end_of_utterance>\n');
  });
});

it('marks exactly the tokens that share a byte with the phrase, in any text', async () => {
  const format = answerFormat(await openChatTemplate(SMOLVLM), smolvlm.config);
  const words = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\u00a0',
      '\ufeff',
      '\u0085',
      'goose',
      ' left',
      "'s",
      '12',
      '🦢',
      'e\u0301',
      '한국',
    ),
  );
  for (const [tokenizer, around] of [
    [llava.tokenizer, llava.format],
    [smolvlm.tokenizer, format],
  ] as const) {
    let marks = 0;
    const property = fc.property(
      fc.array(words, { minLength: 1, maxLength: 8 }),
      fc.nat(),
      fc.nat(),
      (parts, a, b) => {
        // Composed first: a byte of a composed character belongs to several code points of what was typed.
        const answer = parts.join('').normalize('NFC');
        const points = [...answer];
        const [start, end] = [a, b].map((n) => n % (points.length + 1)).sort((x, y) => x - y);
        const { ids, phraseOf } = encodeAnswer(tokenizer, around, answer, [{ start, end }]);
        const sizes = ids.map((id) => tokenizer.bytes(id).length);
        // A tokenizer may lack some bytes; then they cannot be counted.
        fc.pre(sizes.reduce((x, y) => x + y, 0) === Buffer.byteLength(around.lead + answer + around.closing));
        const span = trimSpan(answer, { start, end });
        const [from, to] = [span.start, span.end].map((n) =>
          Buffer.byteLength(around.lead + points.slice(0, n).join('')),
        );
        let at = 0;
        const shares = sizes.map((size) => {
          const first = at;
          at += size;
          return from < to && first < to && from < at ? 1 : 0;
        });
        expect(Array.from(phraseOf)).toEqual(shares);
        marks += shares.filter((share) => share === 1).length;
      },
    );
    fc.assert(property, { numRuns: 200, seed: 1 });
    expect(marks).toBeGreaterThan(200);
  }
});

describe('officialPromptLabels', () => {
  it('labels newlines, turn markers and the header, never the video or position 0', () => {
    const { tokenizer, config } = llava;
    if (config.family !== 'llava-onevision') throw new Error('expected llava-onevision');
    const video = tokenizer.token(config.videoToken)!;
    const ids = tokenizer.encode(
      `<|im_start|>system\nBe good.<|im_end|>\n<|im_start|>user\n${video}${video}\nWhat?<|im_end|>\n<|im_start|>assistant\n`,
    ).ids;
    const labels = officialPromptLabels(tokenizer, llava.format, ids, config.videoToken);
    const texts = labels.map((i) => tokenizer.token(ids[i]));
    // Eight in the prompt and the header, as counted in the official code on this template (one token more per header word).
    expect(texts.slice(0, 8)).toEqual(['Ċ', '<|im_end|>', 'Ċ', '<|im_start|>', 'Ċ', 'Ċ', '<|im_end|>', 'Ċ']);
    expect(texts[8]).toBe('<|im_start|>');
    expect(texts.at(-1)).toBe('Ċ');
    expect(labels).not.toContain(0);
    expect(labels.at(-1)).toBe(ids.length - 1);
  });

  it('takes the special tokens around pictures for no turn markers', async () => {
    const { tokenizer, config } = smolvlm;
    if (config.family !== 'smolvlm') throw new Error('expected smolvlm');
    const format = answerFormat(await openChatTemplate(SMOLVLM), config);
    const picture = '<fake_token_around_image><global-img><image><image><fake_token_around_image>';
    const ids = tokenizer.encode(
      `<|im_start|>User: Two.\nFrame:${picture}\nFrame:${picture}What?<end_of_utterance>\nAssistant:`,
    ).ids;
    const labels = officialPromptLabels(tokenizer, format, ids, config.imageToken);
    expect(labels.map((i) => tokenizer.token(ids[i]))).toEqual([
      ...['Ċ', 'Ċ'],
      ...['<end_of_utterance>', 'Ċ', 'Assistant', ':'],
    ]);
  });

  it('takes nothing for the header of a turn where the template has no turn markers', () => {
    const { tokenizer } = llava;
    const ids = tokenizer.encode('[INST] What\n[/INST]').ids;
    const newline = ids.indexOf(tokenizer.id('Ċ')!);
    expect(newline).toBeGreaterThan(0);
    expect(officialPromptLabels(tokenizer, llava.format, ids, undefined)).toEqual([newline]);
    // A token that only begins the text is no marker of a turn either.
    const begun = [tokenizer.id('<|im_start|>')!, ...ids];
    expect(officialPromptLabels(tokenizer, llava.format, begun, undefined)).toEqual([newline + 1]);
  });
});

describe('encodePair', () => {
  const config = { objective: 'rrpo', klScope: 'response', maxLength: 100 } as const;
  const texts = {
    id: 'x',
    chosen: 'A goose.',
    rejected: 'A dog.',
    chosenSpans: [{ start: 2, end: 7 }],
    rejectedSpans: [{ start: 2, end: 5 }],
  };
  const encode = (changes: Partial<typeof texts>, maxLength = 100) =>
    encodePair({ ...texts, ...changes }, { ids: [1, 2] }, llava.tokenizer, llava.format, {
      ...config,
      maxLength,
    });

  it('gives both sides and keeps the prompt', () => {
    const result = encode({});
    if ('reason' in result) throw new Error(result.reason);
    expect(result.pair.prompt).toEqual([1, 2]);
    expect(Array.from(result.pair.chosen.phraseOf).some((k) => k === 1)).toBe(true);
  });

  it('says why a pair cannot be used', () => {
    expect(encode({ rejected: 'A goose.' })).toEqual({ reason: 'the two answers are identical' });
    expect(encode({ rejected: '  ' })).toEqual({ reason: 'the non-preferred answer is empty' });
    expect(encode({ chosenSpans: [] })).toEqual({
      reason: 'the preferred answer has no marked token (0 marks)',
    });
    expect(encode({ chosenSpans: [{ start: 1, end: 2 }] })).toEqual({
      reason: 'the preferred answer has no marked token (1 marks)',
    });
    expect(encode({}, 4)).toEqual({ reason: expect.stringContaining('more than the 4 allowed') as string });
  });
});
