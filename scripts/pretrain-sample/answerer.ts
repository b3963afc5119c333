/**
 * @file The sample model asked about real clip files, clean or perturbed: decode, sample frames, perturb, resize, encode, prompt,
 * generate greedily, all with the parts that the workbench's engine uses. Shared by `evaluate-sample` and `make-sample-negatives`.
 */
import { planPerturbation } from '../../src-main/contract/perturb.ts';
import type { RecipeInput } from '../../src-main/contract/recipe.ts';
import { framesAt } from '../../src-main/media/decode.ts';
import { defaultFrames, modelFrameIndices } from '../../src-main/media/model-frames.ts';
import { perturbFrames } from '../../src-main/media/perturb.ts';
import { probeVideo } from '../../src-main/media/probe.ts';
import { LanguageModel } from '../../src-main/models/generation.ts';
import { generateText, modelHash, openModel, type Model } from '../../src-main/models/model.ts';
import { pixelValues } from '../../src-main/models/pixels.ts';
import { VisionEncoder } from '../../src-main/models/vision.ts';

/** Decoding parameters of every answer here: greedy. */
export const DECODING = { temperature: 0, maxNewTokens: 48 } as const;

/** Answers to the questions about one clip, and the frames the model was given (before the recipe). */
export type ClipAnswers = { frameIndices: number[]; answers: string[] };

/** A loaded sample model. */
export class Answerer {
  /** SHA-256 over configuration and weights. */
  readonly modelHash: string;
  readonly #model: Model;
  readonly #frames: number;
  readonly #vision: VisionEncoder;
  readonly #language: LanguageModel;

  private constructor(
    hash: string,
    model: Model,
    frames: number,
    vision: VisionEncoder,
    language: LanguageModel,
  ) {
    this.modelHash = hash;
    this.#model = model;
    this.#frames = frames;
    this.#vision = vision;
    this.#language = language;
  }

  /** Loads a checkpoint directory on the CPU. */
  static async open(dir: string, threads: number): Promise<Answerer> {
    const model = await openModel(dir);
    const { checkpoint } = model;
    const { value: frames } = await defaultFrames(dir, checkpoint.config.family);
    const vision = await VisionEncoder.open(checkpoint, { threads });
    const language = await LanguageModel.open(checkpoint, { threads });
    return new Answerer(await modelHash(model), model, frames, vision, language);
  }

  /** Answers questions about a clip; the recipe (null: none) and its seed say how the frames are broken first. */
  async answer(
    file: string,
    questions: readonly string[],
    recipe: RecipeInput | null,
    seed: number,
  ): Promise<ClipAnswers> {
    const { tokenizer, processor, checkpoint, stopIds } = this.#model;
    const { pts } = await probeVideo(file);
    const frameIndices = modelFrameIndices(checkpoint.config.family, pts, this.#frames);
    const clean = await framesAt(file, pts, frameIndices);
    const frames =
      recipe === null ? clean : perturbFrames(clean, planPerturbation(recipe, seed, clean.length));
    if (processor.pixels === undefined)
      throw new Error('internal: sample model: expected a processor for pixels');
    const pixels = pixelValues(frames, frames.length, processor.pixels);
    const features = await this.#vision.encodeVideo(pixels, frames.length);
    const answers: string[] = [];
    for (const question of questions) {
      const messages = [
        {
          role: 'user' as const,
          content: [{ type: 'video' as const }, { type: 'text' as const, text: question }],
        },
      ];
      const { ids } = processor.prompt(tokenizer, messages, [{ frames: frames.length }]);
      let answer = '';
      const options = { maxNewTokens: DECODING.maxNewTokens, stopIds };
      for await (const { text } of generateText(this.#model, this.#language, { ids, features }, options))
        answer += text;
      answers.push(answer.trim());
    }
    return { frameIndices, answers };
  }

  async release(): Promise<void> {
    await this.#vision.release();
    await this.#language.release();
  }
}
