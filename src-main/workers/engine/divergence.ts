/**
 * @file How far an adapter has moved the model from its base: sum of KL(base || tuned) over the tokens of preferred answers and their
 * end token, in nats. The same graph as training's, without gradients: reference and policy in one run.
 */
import { readAdapter } from '../../align/adapter.ts';
import { bucketsFor, layOut } from '../../align/batch.ts';
import type { EncodedPair } from '../../align/batch.ts';
import { parseTrainingConfig } from '../../align/config.ts';
import { answerFormat, encodeAnswer } from '../../align/encode-pair.ts';
import { TrainingStep } from '../../align/training-graph.ts';
import type { EngineApi } from '../../jobs/apis.ts';
import type { CallContext } from '../../jobs/protocol.ts';
import { openChatTemplate } from '../../models/chat-template.ts';
import { UserError, toPlainError } from '../../platform/errors.ts';
import { modelFor } from './loaded-model.ts';

type Api = EngineApi['divergence'];

/** Measures each item; an item whose clip cannot be read is skipped with the reason. */
export async function divergence(
  { model: request, frames, items }: Api['input'],
  { signal, emit }: CallContext<Api['event']>,
): Promise<Api['output']> {
  if (request.adapterDir === null) throw new Error('internal: divergence: expected an adapter, got none');
  const model = await modelFor(request);
  const { checkpoint, tokenizer, dir } = model.model;
  const adapter = await readAdapter(request.adapterDir, checkpoint.config);
  const format = answerFormat(await openChatTemplate(dir), checkpoint.config);
  // Every answer token is labelled whatever is marked; only the KL is read, so alpha and beta do not matter.
  const config = parseTrainingConfig({
    objective: 'rrpo_no_refined_reward',
    loraRank: adapter.rank,
    loraAlpha: adapter.alpha,
    device: request.device,
  });
  const step = new TrainingStep(checkpoint, config, {
    device: request.device,
    cacheFolder: request.cacheDir,
    withGradients: false,
  });
  const output: Api['output'] = { kl: [], skipped: [] };
  try {
    for (const [index, { id, video, question, answer }] of items.entries()) {
      signal.throwIfAborted();
      try {
        const prompt = model.prompt(question, await model.prepare(video, frames, null, { signal }));
        const chosen = encodeAnswer(tokenizer, format, answer, []);
        // The graph wants two answers; the rejected side is given the shortest there is, its end token, and not read.
        const rejected = encodeAnswer(tokenizer, format, '', []);
        const pair: EncodedPair = { id, prompt: prompt.ids, promptLabels: [], chosen, rejected };
        const layout = layOut(pair, config, bucketsFor(request.device));
        const { metrics } = await step.run(adapter, layout, prompt.features ?? null, 1);
        output.kl.push({ id, kl: metrics.klChosen });
      } catch (error) {
        if (!(error instanceof UserError) || error.code === 'CANCELLED') throw error;
        output.skipped.push({ id, reason: toPlainError(error).message });
      }
      emit(index + 1);
    }
  } finally {
    await step.release();
  }
  return output;
}
