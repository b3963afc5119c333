/** @file Answers to questions about a video: the clip is prepared once, each answer is told as it comes. Calls that overlap share a batch. */
import { rm } from 'node:fs/promises';
import { Recipe } from '../../contract/recipe.ts';
import type { AnswerEvent, AnswerTask, EngineApi } from '../../jobs/apis.ts';
import type { CallContext } from '../../jobs/protocol.ts';
import type { BatchDecoder, BatchedText } from '../../models/batch.ts';
import { faultOfInput } from '../../platform/errors.ts';
import { modelFor } from './loaded-model.ts';
import type { LoadedModel, PreparedVideo } from './loaded-model.ts';

type Api = EngineApi['answer'];

/** Clips are prepared one after the other, so that only one is decoded and encoded at a time. */
let turn: Promise<unknown> = Promise.resolve();

type Prepared = { model: LoadedModel; decoder: BatchDecoder; video: PreparedVideo };

/** The clip made ready, or why it cannot be used. @throws what is wrong with the model: then no other clip fares better */
async function prepare(
  { model: request, task, frames, recipe }: Api['input'],
  signal: AbortSignal,
): Promise<Prepared | string> {
  signal.throwIfAborted();
  const model = await modelFor(request);
  const decoder = await model.decoder(request.adapterDir);
  await decoder.room();
  const perturbation =
    recipe === null || recipe === undefined ? null : { recipe: Recipe.parse(recipe), seed: task.seed };
  try {
    const video = await model.prepare(task.video, frames, perturbation, { pixels: task.pixels, signal });
    return { model, decoder, video };
  } catch (error) {
    return faultOfInput(error);
  }
}

/** Answers the questions of one clip. */
export async function answer(
  input: Api['input'],
  { signal, emit }: CallContext<AnswerEvent>,
): Promise<Api['output']> {
  const { task } = input;
  const mine = turn.then(() => prepare(input, signal));
  turn = mine.catch(() => undefined);
  const prepared = await mine.finally(async () => {
    // What it was made for is in the feature cache now, or never will be.
    if (task.pixels !== null) await rm(task.pixels, { force: true });
  });
  if (typeof prepared === 'string') {
    emit({ type: 'skipped', ids: task.questions.map((q) => q.id), reason: prepared });
    return { answered: 0 };
  }
  const ends = await Promise.allSettled(
    task.questions.map(async (question) => {
      const { frameIndices } = prepared.video;
      const told = await answerOne(prepared, question, task, signal);
      emit({ type: 'answer', id: question.id, frameIndices, seed: task.seed, ...told });
    }),
  );
  ends.forEach((end, i) => {
    if (end.status === 'rejected')
      emit({ type: 'skipped', ids: [task.questions[i].id], reason: faultOfInput(end.reason) });
  });
  return { answered: ends.filter((end) => end.status === 'fulfilled').length };
}

async function answerOne(
  { model, decoder, video }: Prepared,
  { text: question, decoding }: AnswerTask['questions'][number],
  task: AnswerTask,
  signal: AbortSignal,
): Promise<{ text: string; tokens: number; finished: boolean }> {
  const { temperature, seed, maxNewTokens } = decoding;
  const { tokenizer, stopIds } = model.model;
  const { ids, finish }: BatchedText = await decoder.generate({
    prompt: model.prompt(question, video),
    options: {
      maxNewTokens,
      stopIds,
      signal,
      // The stream depends on the question and its video too, so that the order of questions changes nothing.
      ...(temperature > 0
        ? { sampling: { temperature, seed: `${seed}/${task.video.sha256}/${question}` } }
        : {}),
    },
  });
  const finished = finish === 'stop';
  // The end token is no part of the answer, also where it is no special one.
  const said = finished ? ids.slice(0, -1) : ids;
  const text = tokenizer.decode(said, { skipSpecialTokens: true }).trim();
  return { text, tokens: said.length, finished };
}
