/** @file A prompt for a small text model with an adapter, for the test of batches on two devices. */
import path from 'node:path';
import { Random } from '../platform/random.ts';
import { BatchDecoder } from './batch.ts';
import type { BatchedText } from './batch.ts';
import { openCheckpoint } from './checkpoint.ts';
import { adaptedLinears } from './families/language.ts';
import { LanguageModel } from './generation.ts';

/** The greedy text of a prompt: the first token from the prompt's run, two from steps. */
export async function answerOn(device: 'cpu' | 'webgpu'): Promise<BatchedText> {
  const checkpoint = await openCheckpoint(
    path.join(import.meta.dirname, '../../../shared/golden/qwen2-tiny'),
  );
  const language = await LanguageModel.open(checkpoint, { device, adapterRank: 2 });
  const random = new Random('adapter');
  const noise = (n: number) => Float32Array.from({ length: n }, () => random.between(-0.3, 0.3));
  const matrices = adaptedLinears(language.text).map(
    (l) => [l.path, { a: noise(2 * l.in), b: noise(2 * l.out) }] as const,
  );
  language.setAdapter({ rank: 2, scale: 2, matrices: new Map(matrices) });
  const decoder = new BatchDecoder(language);
  const text = await decoder.generate({ prompt: { ids: [5, 6, 7, 8] }, options: { maxNewTokens: 3 } });
  await language.release();
  return text;
}
