/** @file Answers to questions about videos: each clip is prepared once, each answer is told as it comes, a broken clip is skipped. */
import { Recipe } from '../../contract/recipe.ts';
import type { AnswerEvent, AnswerTask, EngineApi } from '../../jobs/apis.ts';
import type { CallContext } from '../../jobs/protocol.ts';
import type { LanguageModel } from '../../models/generation.ts';
import { generateText } from '../../models/model.ts';
import { toPlainError } from '../../platform/errors.ts';
import { modelFor } from './loaded-model.ts';
import type { LoadedModel, Perturbation, PreparedVideo } from './loaded-model.ts';

type Request = EngineApi['answer']['input'];

/** Answers all tasks in order. */
export async function answer(
  request: Request,
  { signal, emit }: CallContext<AnswerEvent>,
): Promise<EngineApi['answer']['output']> {
  const model = await modelFor(request.model);
  const language = await model.language(request.model.adapterDir);
  const recipe =
    request.recipe === null || request.recipe === undefined ? null : Recipe.parse(request.recipe);
  let answered = 0;
  for (const task of request.tasks) {
    signal.throwIfAborted();
    const perturbation: Perturbation = recipe === null ? null : { recipe, seed: task.seed };
    let video: PreparedVideo;
    try {
      video = await model.prepare(task.video, request.frames, perturbation, signal);
    } catch (error) {
      const plain = toPlainError(error);
      // A clip that is gone or damaged costs its own questions; anything else is a failure of the whole.
      if (!['NOT_FOUND', 'CORRUPT', 'CONFLICT', 'BAD_INPUT', 'UNSUPPORTED'].includes(plain.code)) throw error;
      emit({ type: 'skipped', ids: task.questions.map((q) => q.id), reason: plain.message });
      continue;
    }
    for (const question of task.questions) {
      emit({
        type: 'answer',
        id: question.id,
        frameIndices: video.frameIndices,
        seed: task.seed,
        ...(await answerOne(model, language, video, question.text, task, request, signal)),
      });
      answered++;
    }
  }
  return { answered };
}

async function answerOne(
  model: LoadedModel,
  language: LanguageModel,
  video: PreparedVideo,
  question: string,
  task: AnswerTask,
  { decoding }: Request,
  signal: AbortSignal,
): Promise<{ text: string; tokens: number; finished: boolean }> {
  const { temperature, seed, maxNewTokens } = decoding;
  const chunks = generateText(model.model, language, model.prompt(question, video), {
    maxNewTokens,
    signal,
    // The stream depends on the question and its video too, so that the order of questions changes nothing.
    ...(temperature > 0
      ? { sampling: { temperature, seed: `${seed}/${task.video.sha256}/${question}` } }
      : {}),
  });
  let text = '';
  let tokens = 0;
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return { text: text.trim(), tokens, finished: next.value === 'stop' };
    text += next.value.text;
    tokens++;
  }
}
