/** @file A checkpoint directory opened as a whole: weights, tokenizer, processor and the tokens that end an answer. */
import path from 'node:path';
import { checkpointHash, exists, openCheckpoint, readJson } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { GenerateOptions, FinishReason, LanguageModel, Prompt } from './generation.ts';
import { openProcessor } from './processor.ts';
import type { Processor } from './processor.ts';
import { openTokenizer } from './tokenizer.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Everything of a checkpoint that is needed around its weights. Opening compiles nothing. */
export type Model = {
  dir: string;
  checkpoint: Checkpoint;
  tokenizer: TextTokenizer;
  processor: Processor;
  /** Tokens that end an answer. */
  stopIds: readonly number[];
};

/** Opens a checkpoint directory; throws a UserError that names what is missing or does not fit. */
export async function openModel(dir: string): Promise<Model> {
  const checkpoint = await openCheckpoint(dir);
  const tokenizer = await openTokenizer(dir);
  const processor = await openProcessor(dir, checkpoint.config);
  return { dir, checkpoint, tokenizer, processor, stopIds: await readStopIds(dir, tokenizer) };
}

/** Identity of a model's weights and configuration, see {@link checkpointHash}. */
export function modelHash(model: Model): Promise<string> {
  return checkpointHash(model.checkpoint);
}

/** `eos_token_id` (one or several) of generation_config.json, else of config.json, else the tokenizer's eos token. */
async function readStopIds(dir: string, tokenizer: TextTokenizer): Promise<number[]> {
  for (const name of ['generation_config.json', 'config.json']) {
    const file = path.join(dir, name);
    if (!(await exists(file))) continue;
    const json = (await readJson(file, `Restore ${name}.`)) as { eos_token_id?: unknown };
    const ids = Array.isArray(json.eos_token_id) ? json.eos_token_id : [json.eos_token_id];
    if (ids.length > 0 && ids.every((id) => typeof id === 'number')) return ids;
  }
  return tokenizer.eosId === undefined ? [] : [tokenizer.eosId];
}

/** One piece of streamed text. `text` may be empty while a character's bytes are incomplete. */
export type TextChunk = { id: number; text: string; logProbability?: number };

/**
 * Generates an answer as text, special tokens left out. Yields a chunk per token (the last one may carry what was still
 * incomplete) and returns why it ended. Stops at the model's stop tokens unless `stopIds` says otherwise.
 */
export async function* generateText(
  model: Model,
  language: LanguageModel,
  prompt: Prompt,
  options: GenerateOptions,
): AsyncGenerator<TextChunk, FinishReason> {
  const decoder = model.tokenizer.stream({ skipSpecialTokens: true });
  const tokens = language.generate(prompt, { stopIds: model.stopIds, ...options });
  let last = -1;
  for (;;) {
    const next = await tokens.next();
    if (next.done) {
      const rest = decoder.end();
      if (rest !== '') yield { id: last, text: rest };
      return next.value;
    }
    const { id, logProbability } = next.value;
    last = id;
    yield { id, text: decoder.push(id), ...(logProbability === undefined ? {} : { logProbability }) };
  }
}
