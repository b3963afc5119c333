/** @file Makes pairs ready before a run's first step: prompts with their video, tokens, and the list of what is left out and why. */
import { setImmediate as nextTick } from 'node:timers/promises';
import type { TrainEvent } from '../jobs/apis.ts';
import { openChatTemplate } from '../models/chat-template.ts';
import type { Checkpoint } from '../models/checkpoint.ts';
import { checkIds } from '../models/generation.ts';
import type { Features, Prompt } from '../models/generation.ts';
import { openTokenizer } from '../models/tokenizer.ts';
import { UserError } from '../platform/errors.ts';
import type { EncodedPair } from './batch.ts';
import type { TrainingConfig } from './config.ts';
import { answerFormat, checkVideo, encodePair, type PairTexts } from './encode-pair.ts';
import type { RunRecord } from './run-record.ts';

/** A pair to train on. */
export type TrainPair = PairTexts & {
  /** Version of the pair in its project; recorded. */
  version: number;
  question: string;
  /**
   * The prompt the model is given for this question and the clean video, with the video's projected features. May be
   * called again later, so it should read features from the cache.
   */
  prompt: () => Promise<Prompt>;
};

/** Features held in memory between epochs, in bytes; beyond it they are read from the cache each time. */
const FEATURE_MEMORY = 512 * 2 ** 20;

/** A pair ready to run. `features` is null when they are read from the cache at each use. */
export type PreparedPair = { pair: EncodedPair; source: TrainPair; features: Features | null };

/**
 * Encodes all pairs. Those that cannot be trained on are listed; throws when none is left, and when a prompt lacks its video
 * or part of it.
 */
export async function preparePairs(
  checkpoint: Checkpoint,
  pairs: readonly TrainPair[],
  signal: AbortSignal | undefined,
  config: TrainingConfig,
  emit: (event: TrainEvent) => void,
): Promise<{ prepared: PreparedPair[]; excluded: RunRecord['excluded'] }> {
  const tokenizer = await openTokenizer(checkpoint.dir);
  const format = answerFormat(await openChatTemplate(checkpoint.dir), checkpoint.config);
  const prepared: PreparedPair[] = [];
  const excluded: RunRecord['excluded'] = [];
  let memory = 0;
  for (const [index, source] of pairs.entries()) {
    signal?.throwIfAborted();
    emit({
      type: 'phase',
      text: `Preparing pair ${index + 1} of ${pairs.length}`,
      fraction: index / pairs.length,
    });
    const prompt = await promptOf(source, excluded);
    if (!prompt) continue;
    checkVideo(source.id, prompt, checkpoint.config);
    const result = encodePair(source, prompt, tokenizer, format, config);
    if ('reason' in result) {
      excluded.push({ id: source.id, reason: result.reason });
      continue;
    }
    const { chosen, rejected } = result.pair;
    for (const ids of [prompt.ids, chosen.ids, rejected.ids]) checkIds(ids, checkpoint.config);
    const { maxPositions } = checkpoint.config.text;
    const length = prompt.ids.length + Math.max(chosen.ids.length, rejected.ids.length);
    if (length > maxPositions) {
      const reason = `${length} tokens are more than the ${maxPositions} positions that the model was made for`;
      excluded.push({ id: source.id, reason });
      continue;
    }
    memory += prompt.features?.data.byteLength ?? 0;
    const features = memory <= FEATURE_MEMORY ? (prompt.features ?? null) : null;
    prepared.push({ pair: result.pair, source, features });
    await nextTick();
  }
  if (prepared.length === 0)
    throw new UserError(
      'BAD_INPUT',
      `training: expected at least one usable pair, got ${pairs.length} pairs of which none is: ${reasons(excluded)}`,
      'Mark the differing phrases of accepted pairs in the Review room.',
    );
  return { prepared, excluded };
}

/** The pair's prompt; a clip that is gone or damaged costs its own pairs, which are listed, and not the run. */
async function promptOf(source: TrainPair, excluded: RunRecord['excluded']): Promise<Prompt | null> {
  try {
    return await source.prompt();
  } catch (error) {
    if (!(error instanceof UserError) || !['NOT_FOUND', 'CORRUPT', 'UNSUPPORTED'].includes(error.code))
      throw error;
    excluded.push({ id: source.id, reason: error.message });
    return null;
  }
}

/** "12 x no marked token; 1 x ...", most frequent first. */
function reasons(excluded: RunRecord['excluded']): string {
  const counts = new Map<string, number>();
  for (const { reason } of excluded) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5);
  return sorted.map(([reason, n]) => `${n} x ${reason}`).join('; ') || 'no pairs were given';
}
