/**
 * @file Which frames of a video a model is given: how many its processor's configuration says, and its family's rule. The one place
 * that the model's eye in the player, generation, evaluation and training ask.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ModelConfig } from '../models/config.ts';
import { sampleRrpo, sampleSmolVlm } from '../models/frame-sampling.ts';
import { UserError } from '../platform/errors.ts';
import type { PtsTable } from './pts.ts';

type Family = ModelConfig['family'];
type Settings = Record<string, unknown>;

/** Where processors keep their settings; transformers 5 writes one file for all of them. */
const FILES = ['video_preprocessor_config.json', 'preprocessor_config.json', 'processor_config.json'];

/** When the files say nothing: what RRPO trains with (`rrpo.md` 4), and SmolVLM2's own upper bound. */
const USUAL: Partial<Record<Family, number>> = { 'llava-onevision': 16, smolvlm: 64 };

/**
 * The number of frames (for SmolVLM2 the largest number) a checkpoint is given when nobody says otherwise, and where it is from.
 * @throws UserError UNSUPPORTED for a model that reads text only; CORRUPT when a settings file is not JSON
 */
export async function defaultFrames(
  modelDir: string,
  family: Family,
): Promise<{ value: number; reason: string }> {
  const usual = USUAL[family];
  if (usual === undefined)
    throw new UserError(
      'UNSUPPORTED',
      `model: expected a video-language model, got ${family}, which reads text only, in ${modelDir}`,
      'Choose a LLaVA-OneVision, LLaVA-Video or SmolVLM2 checkpoint.',
    );
  for (const name of FILES) {
    const settings = await readSettings(path.join(modelDir, name));
    const sampling = settings?.video_sampling as Settings | undefined;
    const [key, value] = [
      ['num_frames', settings?.num_frames],
      ['video_sampling.max_frames', sampling?.max_frames],
    ].find(([, v]) => typeof v === 'number' && Number.isInteger(v) && v > 0) ?? ['', 0];
    if (value) return { value: value as number, reason: `${String(key)} of ${name}` };
  }
  return { value: usual, reason: `usual for ${family}: its processor's files do not say` };
}

/** Indices into the table, ascending, at most `frames`. LLaVA models repeat frames of a video that is shorter. */
export function modelFrameIndices(family: Family, table: PtsTable, frames: number): number[] {
  if (family !== 'smolvlm') return sampleRrpo(table.length, frames);
  const { length: n, averageRate: videoFps, duration } = table;
  return sampleSmolVlm({ n, videoFps, duration, numFrames: frames });
}

/** The settings for videos in one file; null when there is no such file. */
async function readSettings(file: string): Promise<Settings | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return null; // not every checkpoint has every file
  }
  try {
    const json = JSON.parse(text) as Settings;
    return (json.video_processor as Settings | undefined) ?? json;
  } catch (cause) {
    throw new UserError(
      'CORRUPT',
      `${file}: expected JSON, got ${cause instanceof Error ? cause.message : String(cause)}`,
      'Copy the file again from where the checkpoint was published.',
      { cause },
    );
  }
}
