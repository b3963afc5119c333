/** @file Pairs on the tiny LLaVA-OneVision checkpoint of the goldens, for tests; its video features are made up from a seed. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { openCheckpoint } from '../models/checkpoint.ts';
import { openTokenizer } from '../models/tokenizer.ts';
import { Random } from '../platform/random.ts';
import type { TrainingConfigInput } from './config.ts';
import { metricsFile, readMetrics, TIMING_KEYS } from './metrics.ts';
import { adapterFolder, type TrainPair } from './trainer.ts';

/** A complete checkpoint folder (tokenizer and chat template included) with random weights. */
export const TINY_MODEL = path.join(
  import.meta.dirname,
  '../../../shared/golden/pipeline-llava-onevision-tiny/hub',
);
if (!existsSync(TINY_MODEL))
  throw new Error(`${TINY_MODEL}: expected the golden fixtures beside the checkout (../shared/golden)`);

/** Twelve steps of two pairs over ten pairs: more than two epochs. */
export const TEST_CONFIG: TrainingConfigInput = {
  beta: 0.5,
  learningRate: 5e-3,
  epochs: 2.4,
  accumulation: 2,
  loraRank: 4,
  loraAlpha: 8,
  checkpointEvery: 4,
  seed: 3,
};

const SHAPES = ['circle', 'square', 'triangle', 'star', 'cross'];

/** `count` pairs with one differing phrase, prompts with `rows` video features. */
export async function tinyPairs(count = 10, rows = 9): Promise<TrainPair[]> {
  const { config } = await openCheckpoint(TINY_MODEL);
  if (config.family !== 'llava-onevision') throw new Error(`expected llava-onevision, got ${config.family}`);
  const tokenizer = await openTokenizer(TINY_MODEL);
  const placeholder = config.videoToken;
  return Array.from({ length: count }, (_, i) => {
    const [right, wrong] = [SHAPES[i % 5], SHAPES[(i + 2) % 5]];
    const chosen = `A red ${right} moves left.`;
    const rejected = `A red ${wrong} moves left${i % 3 === 0 ? ' and then stops' : ''}.`;
    const question = `What does shape ${i} do?`;
    return {
      id: `p${i}`,
      version: 1,
      question,
      chosen,
      rejected,
      chosenSpans: [{ start: 6, end: 6 + right.length }],
      rejectedSpans: [{ start: 6, end: 6 + wrong.length }],
      prompt: () => {
        const before = tokenizer.encode('<|im_start|>user ').ids;
        const after = tokenizer.encode(`\n${question}<|im_end|><|im_start|>assistant\n`).ids;
        const random = new Random(`features/${i}`);
        const data = Float32Array.from({ length: rows * config.text.hidden }, () => random.normal());
        const ids = [...before, ...new Array<number>(rows).fill(placeholder), ...after];
        return Promise.resolve({ ids, features: { data, rows, placeholder } });
      },
    };
  });
}

/** The metric lines of a run as text, without what the clock writes. */
export async function curve(runDir: string): Promise<string[]> {
  const lines = await readMetrics(metricsFile(runDir));
  return lines.map((line) =>
    JSON.stringify(Object.fromEntries(Object.entries(line).filter(([key]) => !TIMING_KEYS.includes(key)))),
  );
}

/** The bytes of a run's adapter. */
export function adapterBytes(runDir: string): Promise<Buffer> {
  return readFile(path.join(adapterFolder(runDir), 'adapter_model.safetensors'));
}
