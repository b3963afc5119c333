/** @file Greedy tokens of a model fixture, through the program's own generation with its cache; one row at a time and as one batch. */
import type { Checkpoint } from '../../src-main/models/checkpoint.ts';
import { BatchDecoder } from '../../src-main/models/batch.ts';
import { LanguageModel } from '../../src-main/models/generation.ts';
import type { Features, Prompt } from '../../src-main/models/generation.ts';
import type { Tensor } from '../../src-main/tensor/onnxruntime.ts';
import { closeRow, exactRow, readFloats, readInts } from './compare.ts';
import type { ArrayEntry } from './compare.ts';
import { barOf } from './types.ts';
import type { CheckContext, Row } from './types.ts';

/** What a case says about greedy decoding. */
export type GreedyCase = {
  name: string;
  /** [B, T] with padding. */
  ids: Int32Array;
  attention: Int32Array;
  batch: number;
  tokens: ArrayEntry;
  logits: ArrayEntry | undefined;
  /** Visual features of the whole batch in order, [M, H]. */
  features: Tensor | undefined;
  placeholder: number | undefined;
};

/** Rows of the features that belong to one row's placeholders; advances `next`. */
function featuresOf(ids: number[], greedy: GreedyCase, next: { row: number }): Features | undefined {
  const { features, placeholder } = greedy;
  if (!features || placeholder === undefined) return undefined;
  const rows = ids.filter((id) => id === placeholder).length;
  if (rows === 0) return undefined;
  const width = features.shape[1];
  const data = (features.data as Float32Array).slice(next.row * width, (next.row + rows) * width);
  next.row += rows;
  return { data, rows, placeholder };
}

/** Generates as many tokens as the fixture has and compares ids exactly, and step logits where they are stored. */
export async function* greedyRows(
  dir: string,
  checkpoint: Checkpoint,
  greedy: GreedyCase,
  context: CheckContext,
): AsyncGenerator<Row> {
  const [, steps] = greedy.tokens.shape as [number, number];
  const length = greedy.ids.length / greedy.batch;
  const model = await LanguageModel.open(checkpoint, { device: context.device });
  const tokens: number[] = [];
  const logits: number[] = [];
  const batched: number[] = [];
  try {
    const next = { row: 0 };
    const prompts: Prompt[] = [];
    for (let b = 0; b < greedy.batch; b++) {
      const ids = [...greedy.ids.subarray(b * length, (b + 1) * length)].filter(
        (_, t) => greedy.attention[b * length + t] === 1,
      );
      const features = featuresOf(ids, greedy, next);
      const prompt = { ids, ...(features ? { features } : {}) };
      prompts.push(prompt);
      for await (const token of model.generate(prompt, { maxNewTokens: steps, logits: true })) {
        tokens.push(token.id);
        for (const logit of token.logits!) logits.push(logit);
      }
    }
    const decoder = new BatchDecoder(model);
    const texts = prompts.map((prompt) => decoder.generate({ prompt, options: { maxNewTokens: steps } }));
    for (const { ids } of await Promise.all(texts)) batched.push(...ids);
  } finally {
    await model.release();
  }
  const want = await readInts(dir, greedy.tokens);
  yield exactRow(`${greedy.name}/greedy_tokens`, tokens, want);
  yield exactRow(`${greedy.name}/greedy_tokens as one batch`, batched, want);
  if (greedy.logits)
    yield closeRow(
      `${greedy.name}/greedy_logits`,
      logits,
      await readFloats(dir, greedy.logits),
      barOf(context),
    );
}
