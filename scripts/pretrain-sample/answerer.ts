/**
 * @file The sample model asked about real clip files, clean or perturbed: decode, sample frames, perturb, resize, encode, prompt,
 * generate greedily. Shared by `evaluate-sample` and `make-sample-negatives`.
 */
import path from 'node:path';
import type { RecipeInput } from '../../src-main/contract/recipe.ts';
import { framesAt } from '../../src-main/media/decode.ts';
import { perturbFrames, planPerturbation } from '../../src-main/media/perturb.ts';
import { probeVideo } from '../../src-main/media/probe.ts';
import { openChatTemplate, type ChatTemplate } from '../../src-main/models/chat-template.ts';
import { checkpointHash, openCheckpoint, readJson } from '../../src-main/models/checkpoint.ts';
import { sampleTransformers } from '../../src-main/models/frame-sampling.ts';
import { LanguageModel } from '../../src-main/models/generation.ts';
import { pixelSettings, pixelValues, type PixelSettings } from '../../src-main/models/pixels.ts';
import { openTokenizer, type TextTokenizer } from '../../src-main/models/tokenizer.ts';
import { VisionEncoder } from '../../src-main/models/vision.ts';
import { MODEL_FRAMES } from './model-files.ts';

/** Decoding parameters of every answer here: greedy. */
export const DECODING = { temperature: 0, maxNewTokens: 48 } as const;

/** Answers to the questions about one clip, and the frames the model was given (before the recipe). */
export type ClipAnswers = { frameIndices: number[]; answers: string[] };

/** A loaded sample model. */
export class Answerer {
  /** SHA-256 over configuration and weights. */
  readonly modelHash: string;
  readonly #vision: VisionEncoder;
  readonly #language: LanguageModel;
  readonly #tokenizer: TextTokenizer;
  readonly #template: ChatTemplate;
  readonly #pixels: PixelSettings;
  readonly #end: number;

  private constructor(
    modelHash: string,
    vision: VisionEncoder,
    language: LanguageModel,
    tokenizer: TextTokenizer,
    template: ChatTemplate,
    pixels: PixelSettings,
  ) {
    this.modelHash = modelHash;
    this.#vision = vision;
    this.#language = language;
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#pixels = pixels;
    this.#end = tokenizer.encode('<|im_end|>').ids[0];
  }

  /** Loads a checkpoint directory on the CPU. */
  static async open(dir: string, threads: number): Promise<Answerer> {
    const checkpoint = await openCheckpoint(dir);
    const settings = await readJson(path.join(dir, 'video_preprocessor_config.json'), 'Restore the file.');
    return new Answerer(
      await checkpointHash(checkpoint),
      await VisionEncoder.open(checkpoint, { threads }),
      await LanguageModel.open(checkpoint, { threads }),
      await openTokenizer(dir),
      await openChatTemplate(dir),
      pixelSettings(settings),
    );
  }

  /** Answers questions about a clip; the recipe (null: none) and its seed say how the frames are broken first. */
  async answer(
    file: string,
    questions: readonly string[],
    recipe: RecipeInput | null,
    seed: number,
  ): Promise<ClipAnswers> {
    const { pts } = await probeVideo(file);
    const frameIndices = sampleTransformers(pts.length, MODEL_FRAMES);
    const clean = await framesAt(file, pts, frameIndices);
    const frames =
      recipe === null ? clean : perturbFrames(clean, planPerturbation(recipe, seed, clean.length));
    const values = pixelValues(frames, frames.length, this.#pixels);
    const features = await this.#vision.encodeVideo(values, frames.length);
    const answers: string[] = [];
    for (const question of questions) {
      const { text } = this.#template.render([
        { role: 'user', content: [{ type: 'video' }, { type: 'text', text: question }] },
      ]);
      const expanded = text.replace('<video>', '<video>'.repeat(features.rows));
      const prompt = { ids: this.#tokenizer.encode(expanded).ids, features };
      const ids: number[] = [];
      const options = { maxNewTokens: DECODING.maxNewTokens, stopIds: [this.#end] };
      for await (const token of this.#language.generate(prompt, options)) ids.push(token.id);
      answers.push(this.#tokenizer.decode(ids, { skipSpecialTokens: true }).trim());
    }
    return { frameIndices, answers };
  }

  async release(): Promise<void> {
    await this.#vision.release();
    await this.#language.release();
  }
}
