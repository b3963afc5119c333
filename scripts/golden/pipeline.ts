/** @file Checker of pipeline fixtures: a whole checkpoint folder from chat and raw frames to ids, pixels, generated tokens and text. */
import path from 'node:path';
import type { ChatMessage } from '../../src-main/models/chat-template.ts';
import { LanguageModel } from '../../src-main/models/generation.ts';
import type { Prompt } from '../../src-main/models/generation.ts';
import { openModel } from '../../src-main/models/model.ts';
import type { Model } from '../../src-main/models/model.ts';
import { pixelValues } from '../../src-main/models/pixels.ts';
import { VisionEncoder } from '../../src-main/models/vision.ts';
import { closeRow, exactRow, isArrayEntry, readBytes, readFloats } from './compare.ts';
import type { ArrayEntry } from './compare.ts';
import { promptVideo } from './tokenizer.ts';
import type { Metadata } from './tokenizer.ts';
import { barOf } from './types.ts';
import type { CheckContext, Checker, Row } from './types.ts';

type Case = {
  name: string;
  inputs: {
    messages: ChatMessage[];
    frames: ArrayEntry;
    frame_indices: number[];
    video_metadata: Metadata | null;
    add_generation_prompt: boolean;
  };
  outputs: Record<string, unknown> & {
    chat_text: string;
    expanded_text: string;
    input_ids: number[];
    generated_ids: number[];
    generated_text: string;
    generated_text_with_special_tokens: string;
    token_logprobs?: number[];
    top5_ids?: number[][];
    top5_logprobs?: number[][];
  };
  stop_on_eos_list?: { eos_token_id: number[]; generated_ids: number[] };
};

/** The processor's pixels of the frames a case uses, [frames, 3, S, S]. */
async function pixelsOf(dir: string, model: Model, { inputs }: Case): Promise<Float32Array> {
  const [, height, width] = inputs.frames.shape as [number, number, number];
  const bytes = await readBytes(dir, inputs.frames);
  const size = height * width * 3;
  const frames = inputs.frame_indices.map((i) => ({
    data: bytes.subarray(i * size, (i + 1) * size),
    width,
    height,
  }));
  return pixelValues(frames, frames.length, model.processor.pixels!);
}

type Parts = { model: Model; language: LanguageModel; vision: VisionEncoder };

async function* checkCase(dir: string, parts: Parts, c: Case, context: CheckContext): AsyncGenerator<Row> {
  const { model, language, vision } = parts;
  const at = (name: string) => `${c.name}/${name}`;
  const { outputs } = c;
  const frames = c.inputs.frame_indices.length;
  const prompt = model.processor.prompt(
    model.tokenizer,
    c.inputs.messages,
    [promptVideo(frames, c.inputs.video_metadata)],
    { addGenerationPrompt: c.inputs.add_generation_prompt },
  );
  yield exactRow(at('chat_text'), prompt.chatText, outputs.chat_text);
  yield exactRow(at('expanded_text'), prompt.text, outputs.expanded_text);
  yield exactRow(at('input_ids'), prompt.ids, outputs.input_ids);
  const pixels = await pixelsOf(dir, model, c);
  const stored = outputs.pixel_values_videos ?? outputs.pixel_values;
  if (isArrayEntry(stored)) yield exactRow(at('pixels'), pixels, await readFloats(dir, stored));

  const features = await vision.encodeVideo(pixels, frames);
  const request: Prompt = { ids: prompt.ids, features };
  const ids: number[] = [];
  const logProbabilities: number[] = [];
  const logits: number[] = [];
  const topIds: number[][] = [];
  const topLogProbabilities: number[] = [];
  const steps = language.generate(request, {
    maxNewTokens: outputs.generated_ids.length,
    logProbabilities: outputs.top5_ids?.[0]?.length ?? 0,
    logits: true,
  });
  for await (const token of steps) {
    ids.push(token.id);
    logProbabilities.push(token.logProbability!);
    topIds.push(token.top!.map((t) => t.id));
    for (const t of token.top!) topLogProbabilities.push(t.logProbability);
    for (const logit of token.logits!) logits.push(logit);
  }
  const { tokenizer } = model;
  const bar = barOf(context);
  yield exactRow(at('generated_ids'), ids, outputs.generated_ids);
  yield exactRow(
    at('generated_text'),
    tokenizer.decode(ids, { skipSpecialTokens: true }),
    outputs.generated_text,
  );
  yield exactRow(
    at('generated_text_with_special_tokens'),
    tokenizer.decode(ids),
    outputs.generated_text_with_special_tokens,
  );
  if (outputs.token_logprobs)
    yield closeRow(at('token_logprobs'), logProbabilities, outputs.token_logprobs, bar);
  if (outputs.top5_ids) yield exactRow(at('top5_ids'), topIds, outputs.top5_ids);
  if (outputs.top5_logprobs)
    yield closeRow(at('top5_logprobs'), topLogProbabilities, outputs.top5_logprobs.flat(), bar);
  if (isArrayEntry(outputs.step_logits))
    yield closeRow(at('step_logits'), logits, await readFloats(dir, outputs.step_logits), bar);
  if (c.stop_on_eos_list) {
    const stopped: number[] = [];
    const stopIds = [c.stop_on_eos_list.eos_token_id].flat();
    for await (const { id } of language.generate(request, {
      maxNewTokens: outputs.generated_ids.length,
      stopIds,
    }))
      stopped.push(id);
    yield exactRow(at('stop_on_eos_list'), stopped, c.stop_on_eos_list.generated_ids);
  }
}

/** Pipeline fixtures: a published-style checkpoint folder and complete conversations. */
export const pipeline: Checker = {
  matches: (m) => 'processor_class' in m && Array.isArray(m.cases),
  async *check(dir, manifest, context) {
    const model = await openModel(path.join(dir, 'hub'));
    const { device } = context;
    const language = await LanguageModel.open(model.checkpoint, { device });
    const vision = await VisionEncoder.open(model.checkpoint, { device });
    try {
      for (const c of manifest.cases as Case[])
        yield* checkCase(dir, { model, language, vision }, c, context);
    } finally {
      await language.release();
      await vision.release();
    }
  },
};
