/** @file For tests: what a training run leaves, without the training. */
import { openCheckpoint } from '../models/checkpoint.ts';
import { Random } from '../platform/random.ts';
import { adapterParameters, initialAdapter, writeAdapter } from './adapter.ts';

/** Writes an adapter of the model whose every weight is drawn from `seed`: loud enough to say other things than the base does. */
export async function writeRandomAdapter(modelDir: string, dir: string, seed: number): Promise<void> {
  const { config } = await openCheckpoint(modelDir);
  const adapter = initialAdapter(config, 4, 8, seed);
  const random = new Random(seed);
  for (const { name, data } of adapterParameters(adapter))
    if (name.endsWith('lora_B')) for (let i = 0; i < data.length; i++) data[i] = random.between(-0.15, 0.15);
  await writeAdapter(dir, adapter, config, 'model');
}
