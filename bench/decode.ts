/**
 * @file Decode speed: greedy tokens per second of a Llama-style decoder with random weights over a growing cache, through the
 * program's own generation. Target at the mid size on two quiet cores: 150 tokens/s (PyTorch there: 95-132).
 * Run: `node bench/decode.ts [--tokens 128] [--prompt 448]`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../src-main/models/checkpoint.ts';
import { parseModelConfig } from '../src-main/models/config.ts';
import { LanguageModel } from '../src-main/models/generation.ts';
import { elementCount, writeSafetensors } from '../src-main/models/safetensors.ts';
import { weightShapes } from '../src-main/models/tensor-names.ts';
import { isMain } from '../src-main/platform/entries.ts';
import { Random } from '../src-main/platform/random.ts';

/** The mid size of docs/architecture.md. */
const CONFIG = {
  model_type: 'llama',
  hidden_size: 512,
  num_hidden_layers: 8,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  intermediate_size: 1536,
  vocab_size: 8192,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
};

/** Tokens/s that PyTorch 2.13/2.14 reaches on the same step on two quiet cores (its best). */
const BASELINE = 132;
const TARGET = 150;

async function writeRandomCheckpoint(dir: string): Promise<number> {
  const random = new Random('bench/decode');
  const shapes = weightShapes(parseModelConfig(CONFIG, 'bench'));
  await writeFile(path.join(dir, 'config.json'), JSON.stringify(CONFIG));
  const tensors = [...shapes].map(([name, shape]) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: () =>
      Float32Array.from({ length: elementCount(shape) }, () =>
        name.includes('norm') ? 1 : random.between(-0.03, 0.03),
      ),
  }));
  await writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
  return [...shapes.values()].reduce((sum, shape) => sum + elementCount(shape), 0);
}

/** Measures and prints one line per setting. */
async function benchDecode(prompt: number, tokens: number): Promise<void> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'rrpo-bench-decode-'));
  try {
    const parameters = await writeRandomCheckpoint(dir);
    const checkpoint = await openCheckpoint(dir);
    const cpu = os.cpus()[0]?.model ?? 'unknown CPU';
    console.log(
      `machine  ${cpu}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}`,
    );
    console.log(
      `decoder  hidden 512, 8 layers, 8 heads / 4 kv, FFN 1536, vocabulary 8192 (${(parameters / 1e6).toFixed(1)}M parameters), prompt ${prompt}, ${tokens} tokens`,
    );
    console.log(
      'adapter    prompt ms   best ms/token   median ms/token   tokens/s   vs PyTorch 132   target 150',
    );
    for (const adapterRank of [undefined, 16]) {
      const model = await LanguageModel.open(checkpoint, { threads: 2, adapterRank });
      const ids = Array.from({ length: prompt }, (_, i) => (i * 7919) % CONFIG.vocab_size);
      const times: number[] = [];
      let before = performance.now();
      for await (const _ of model.generate({ ids }, { maxNewTokens: tokens + 1 })) {
        times.push(performance.now() - before);
        before = performance.now();
      }
      await model.release();
      const steps = times.slice(1).sort((a, b) => a - b);
      const median = steps[steps.length >> 1];
      const rate = 1000 / median;
      console.log(
        [
          (adapterRank === undefined ? 'none' : `rank ${adapterRank}`).padEnd(9),
          times[0].toFixed(0).padStart(10),
          steps[0].toFixed(2).padStart(15),
          median.toFixed(2).padStart(17),
          rate.toFixed(1).padStart(10),
          `${(rate / BASELINE).toFixed(2)}x`.padStart(16),
          (rate >= TARGET ? 'yes' : 'no').padStart(12),
        ].join(' '),
      );
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: { tokens: { type: 'string', default: '128' }, prompt: { type: 'string', default: '448' } },
  });
  await benchDecode(Number(values.prompt), Number(values.tokens));
}
