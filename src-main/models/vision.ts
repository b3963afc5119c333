/**
 * @file From pixels to the feature rows that replace visual placeholders in a prompt. The tower is frozen, so the rows of a
 * (video, frames, model) are computed once and can be cached on disk by the caller.
 */
import { Graph } from '../tensor/graph.ts';
import { createSession } from '../tensor/onnxruntime.ts';
import type { Session, SessionOptions } from '../tensor/onnxruntime.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readWeight } from './checkpoint.ts';
import { hasVision } from './config.ts';
import type { LlavaOnevisionConfig, SmolVlmConfig } from './config.ts';
import type { FamilyContext } from './families/context.ts';
import { poolFrames, projectPixels } from './families/llava-onevision.ts';
import { connectPixels } from './families/smolvlm.ts';
import type { Features } from './generation.ts';
import { frozenWeights } from './weights.ts';

/** Frames that go through the tower in one run: enough to fill the cores, few enough to bound memory. */
const FRAMES_PER_RUN = 8;

/** A vision tower ready to encode videos. */
export class VisionEncoder {
  readonly #config: LlavaOnevisionConfig | SmolVlmConfig;
  readonly #session: Session;
  /** Row that ends a video, where the family has one. */
  readonly #newline: Float32Array | undefined;

  private constructor(
    config: LlavaOnevisionConfig | SmolVlmConfig,
    session: Session,
    newline: Float32Array | undefined,
  ) {
    this.#config = config;
    this.#session = session;
    this.#newline = newline;
  }

  /** Compiles tower and projector of a checkpoint. */
  static async open(checkpoint: Checkpoint, options: SessionOptions = {}): Promise<VisionEncoder> {
    const { config } = checkpoint;
    if (!hasVision(config)) throw new Error(`internal: VisionEncoder: ${config.family} has no vision tower`);
    const graph = new Graph();
    const context: FamilyContext = { graph, weights: frozenWeights(graph, checkpoint) };
    const { channels, imageSize } = config.vision;
    const pixels = graph.input('pixels', 'float32', ['F', channels, imageSize, imageSize]);
    graph.output(
      'features',
      config.family === 'smolvlm'
        ? connectPixels(context, config, { pixels }).connected
        : poolFrames(config, projectPixels(context, config, pixels).projected),
    );
    const newline = config.family === 'smolvlm' ? undefined : await readWeight(checkpoint, 'image_newline');
    return new VisionEncoder(config, await createSession(graph, options), newline);
  }

  /**
   * Features of one video. `pixels` is [frames, C, S, S] as the processor makes it. LLaVA-OneVision: pooled frames and the
   * newline; SmolVLM: the tokens of every frame.
   */
  async encodeVideo(pixels: Float32Array, frames: number, signal?: AbortSignal): Promise<Features> {
    const { channels, imageSize } = this.#config.vision;
    const size = channels * imageSize * imageSize;
    if (frames < 1 || pixels.length !== frames * size)
      throw new Error(
        `internal: encodeVideo: expected pixels [${frames}, ${channels}, ${imageSize}, ${imageSize}], got ${pixels.length} values`,
      );
    const parts: Float32Array[] = [];
    for (let start = 0; start < frames; start += FRAMES_PER_RUN) {
      signal?.throwIfAborted();
      const count = Math.min(FRAMES_PER_RUN, frames - start);
      const { features } = await this.#session.run({
        pixels: {
          dtype: 'float32',
          shape: [count, channels, imageSize, imageSize],
          data: pixels.subarray(start * size, (start + count) * size),
        },
      });
      parts.push(features.data as Float32Array);
    }
    if (this.#newline) parts.push(this.#newline);
    const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      data.set(part, at);
      at += part.length;
    }
    const placeholder = this.#config.family === 'smolvlm' ? this.#config.imageToken : this.#config.videoToken;
    return { data, rows: data.length / this.#config.text.hidden, placeholder };
  }

  /** Frees the runtime's memory. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}
