/** @file One pair on the tiny checkpoint and an adapter that is not zero, for tests of the training graph in two processes. */
import { openCheckpoint, type Checkpoint } from '../models/checkpoint.ts';
import { openChatTemplate } from '../models/chat-template.ts';
import type { Features } from '../models/generation.ts';
import { openTokenizer } from '../models/tokenizer.ts';
import { Random } from '../platform/random.ts';
import { adapterParameters, initialAdapter, type LoraAdapter } from './adapter.ts';
import { layOut, type Buckets, type EncodedPair } from './batch.ts';
import { parseTrainingConfig, type TrainingConfigInput } from './config.ts';
import { answerFormat, encodePair } from './encode-pair.ts';
import { TINY_MODEL, tinyPairs } from './trainer.test-data.ts';
import { TrainingStep, type PairResult } from './training-graph.ts';

/** What {@link runStep} needs. */
export type StepCase = {
  checkpoint: Checkpoint;
  pair: EncodedPair;
  features: Features;
  adapter: LoraAdapter;
};

const CONFIG: TrainingConfigInput = { beta: 0.3, alpha: 0.05, loraRank: 4, loraAlpha: 8 };

/** The first tiny pair, and an adapter whose B is random, so that policy and reference differ. */
export async function stepCase(): Promise<StepCase> {
  const checkpoint = await openCheckpoint(TINY_MODEL);
  const [source] = await tinyPairs(1);
  const prompt = await source.prompt();
  const format = answerFormat(await openChatTemplate(TINY_MODEL), checkpoint.config);
  const config = parseTrainingConfig({ ...CONFIG, klScope: 'official' });
  const encoded = encodePair(source, prompt, await openTokenizer(TINY_MODEL), format, config);
  if ('reason' in encoded || !prompt.features) throw new Error('expected a usable pair with features');
  const adapter = initialAdapter(checkpoint.config, 4, 8, 5);
  const random = new Random('adapter');
  for (const { name, data } of adapterParameters(adapter))
    if (name.endsWith('lora_B')) data.forEach((_, i) => (data[i] = random.between(-0.05, 0.05)));
  return { checkpoint, pair: encoded.pair, features: prompt.features, adapter };
}

/** Loss, metrics and gradients of the case under some settings. */
export async function runStep(
  { checkpoint, pair, features, adapter }: StepCase,
  settings: TrainingConfigInput = {},
  options: { buckets?: Buckets; withGradients?: boolean; weight?: number } = {},
): Promise<PairResult> {
  const config = parseTrainingConfig({ ...CONFIG, ...settings });
  const step = new TrainingStep(checkpoint, config, {
    device: config.device,
    withGradients: options.withGradients,
  });
  try {
    return await step.run(adapter, layOut(pair, config, options.buckets), features, options.weight ?? 1);
  } finally {
    await step.release();
  }
}
