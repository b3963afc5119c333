/**
 * @file The model that an engine worker holds between calls: opened once, its language model and vision tower compiled when first
 * needed, released when another model is asked for or memory runs short.
 */
import os from 'node:os';
import { FeatureCache } from '../../align/feature-cache.ts';
import { adapterHash, loraScale, readAdapter } from '../../align/adapter.ts';
import type { EngineModel, EngineVideo, FrameCount } from '../../jobs/apis.ts';
import { BatchDecoder } from '../../models/batch.ts';
import type { ChatMessage } from '../../models/chat-template.ts';
import { hasVision } from '../../models/config.ts';
import { LanguageModel } from '../../models/generation.ts';
import type { Features, Prompt } from '../../models/generation.ts';
import { modelHash, openModel } from '../../models/model.ts';
import type { Model } from '../../models/model.ts';
import type { PromptVideo } from '../../models/processor.ts';
import { VisionEncoder } from '../../models/vision.ts';
import { decodeClip, planClip, readPixels } from '../clip.ts';
import type { Perturbation } from '../clip.ts';

/** Below this share of the machine's memory everything is released after a call. */
const LOW_MEMORY = 0.1;

/** A video made ready for prompts: which frames, and what the prompt says of them. */
export type PreparedVideo = {
  /** Sampled frames, as indices into the PTS table, before any perturbation. */
  frameIndices: number[];
  prompt: PromptVideo;
  /** Undefined for a text-only model. */
  features: Features | undefined;
};

/** One checkpoint on one device. */
export class LoadedModel {
  readonly model: Model;
  readonly hash: string;
  readonly #device: EngineModel['device'];
  readonly #cacheDir: string;
  readonly #cache: FeatureCache;
  #language: LanguageModel | undefined;
  /** Rank of the language model's LoRA slots; 0 without. */
  #slots = 0;
  /** Hash of the adapter that the slots hold. */
  #adapter: string | null = null;
  #vision: VisionEncoder | undefined;
  #decoder: { language: LanguageModel; adapterDir: string | null; decoder: BatchDecoder } | undefined;

  private constructor(model: Model, hash: string, { device, cacheDir }: EngineModel) {
    this.model = model;
    this.hash = hash;
    this.#device = device;
    this.#cacheDir = cacheDir;
    this.#cache = new FeatureCache(cacheDir);
  }

  /** Opens a checkpoint; compiles nothing yet. */
  static async open(request: EngineModel): Promise<LoadedModel> {
    const model = await openModel(request.modelDir);
    return new LoadedModel(model, await modelHash(model), request);
  }

  /** Whether this is what `request` asks for, adapter aside. The hash is compared too: files may have changed. */
  async fits({ modelDir, device, cacheDir }: EngineModel): Promise<boolean> {
    if (modelDir !== this.model.dir || device !== this.#device || cacheDir !== this.#cacheDir) return false;
    return (await modelHash(this.model)) === this.hash;
  }

  /** The language model with the adapter on, or off for null. The base is never compiled twice. */
  async language(adapterDir: string | null): Promise<LanguageModel> {
    if (adapterDir === null) {
      const base = await this.#compiled(this.#slots);
      base.adapterEnabled = false;
      return base;
    }
    // By content: a run that was trained further writes to the same folder.
    const hash = await adapterHash(adapterDir);
    if (this.#language !== undefined && hash === this.#adapter) {
      this.#language.adapterEnabled = true;
      return this.#language;
    }
    const adapter = await readAdapter(adapterDir, this.model.checkpoint.config);
    const language = await this.#compiled(Math.max(adapter.rank, this.#slots));
    language.setAdapter({ rank: adapter.rank, scale: loraScale(adapter), matrices: adapter.modules });
    this.#adapter = hash;
    return language;
  }

  async #compiled(slots: number): Promise<LanguageModel> {
    if (this.#language !== undefined && slots === this.#slots) return this.#language;
    await this.releaseLanguage();
    this.#language = await LanguageModel.open(this.model.checkpoint, {
      device: this.#device,
      cacheFolder: this.#cacheDir,
      ...(slots > 0 ? { adapterRank: slots } : {}),
    });
    this.#slots = slots;
    return this.#language;
  }

  /** The decoder of batches with the adapter on, or off for null. Texts under way must have ended before another is asked for. */
  async decoder(adapterDir: string | null): Promise<BatchDecoder> {
    const language = await this.language(adapterDir);
    const known = this.#decoder;
    if (known?.language === language && known.adapterDir === adapterDir) return known.decoder;
    const decoder = new BatchDecoder(language);
    this.#decoder = { language, adapterDir, decoder };
    return decoder;
  }

  /**
   * Frames, features (from the cache when they are there) and what the prompt says of a video. `pixels`: a file of its pixels that
   * the media worker made; without one the clip is decoded here.
   */
  async prepare(
    video: EngineVideo,
    frames: FrameCount,
    perturbation: Perturbation,
    { pixels, signal }: { pixels?: string | null; signal?: AbortSignal } = {},
  ): Promise<PreparedVideo> {
    const { dir, checkpoint, processor } = this.model;
    const about = { dir, family: checkpoint.config.family, hash: this.hash };
    const clip = await planClip(about, video, frames, perturbation);
    const { frameIndices, prompt } = clip;
    const settings = processor.pixels;
    if (settings === undefined) return { frameIndices, prompt, features: undefined };
    const features = await this.#cache.get(clip.key, async () => {
      const values = pixels ? await readPixels(pixels) : await decodeClip(clip, settings, signal); // [F, 3, H, W]
      this.#vision ??= await VisionEncoder.open(checkpoint, {
        device: this.#device,
        cacheFolder: this.#cacheDir,
      });
      return this.#vision.encodeVideo(values, prompt.frames, signal);
    });
    return { frameIndices, prompt, features };
  }

  /** A question about a prepared video, as the model's chat template puts it. */
  prompt(question: string, video: PreparedVideo): Prompt {
    const { model } = this;
    const vision = hasVision(model.checkpoint.config);
    const messages: ChatMessage[] = [
      { role: 'user', content: vision ? [{ type: 'video' }, { type: 'text', text: question }] : question },
    ];
    const { ids } = model.processor.prompt(model.tokenizer, messages, vision ? [video.prompt] : []);
    return video.features === undefined ? { ids } : { ids, features: video.features };
  }

  /** Frees the language model. */
  async releaseLanguage(): Promise<void> {
    const language = this.#language;
    this.#language = undefined;
    this.#decoder = undefined;
    this.#slots = 0;
    this.#adapter = null;
    await language?.release();
  }

  /** Frees the vision tower. */
  async releaseVision(): Promise<void> {
    const vision = this.#vision;
    this.#vision = undefined;
    await vision?.release();
  }
}

let loaded: LoadedModel | undefined;

/** The model for a call: the one that is there, or a new one in its place. */
export async function modelFor(request: EngineModel): Promise<LoadedModel> {
  if (loaded !== undefined && !(await loaded.fits(request))) await releaseModel();
  loaded ??= await LoadedModel.open(request);
  return loaded;
}

/** Frees everything that is loaded. */
export async function releaseModel(): Promise<void> {
  const model = loaded;
  loaded = undefined;
  await model?.releaseLanguage();
  await model?.releaseVision();
}

/** Frees everything when the machine is short of memory; called after each call. */
export async function releaseWhenShort(): Promise<void> {
  if (process.availableMemory() < LOW_MEMORY * os.totalmem()) await releaseModel();
}
