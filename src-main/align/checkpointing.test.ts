/** @file Checkpoints come back bit for bit; what a kill, damage or a full disk leaves is never taken for one. */
import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseModelConfig } from '../models/config.ts';
import { runWithFileLimit } from '../platform/testing.ts';
import { AdamW } from './adamw.ts';
import { adapterParameters, initialAdapter } from './adapter.ts';
import {
  checkpointsFolder,
  listCheckpoints,
  loadCheckpoint,
  newestCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
} from './checkpointing.ts';

const CONFIG = {
  model_type: 'qwen2',
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 12,
  vocab_size: 20,
};
const config = parseModelConfig(CONFIG, 'config.json');

let runDir: string;
beforeEach(async () => {
  runDir = await mkdtemp(path.join(os.tmpdir(), 'checkpoints-'));
});
afterEach(() => rm(runDir, { recursive: true }));

function trained(steps: number) {
  const adapter = initialAdapter(config, 2, 4, 1);
  const optimizer = new AdamW(adapterParameters(adapter));
  for (let step = 0; step < steps; step++)
    optimizer.step(
      optimizer.parameters.map((p) => p.data.map((_, i) => Math.sin(i + step))),
      1e-3,
    );
  return { adapter, optimizer };
}

async function save(step: number) {
  const { adapter, optimizer } = trained(step);
  const progress = { step, pairsSeen: 2 * step, fingerprint: 'f', seconds: 1.5 };
  return saveCheckpoint(
    runDir,
    { progress, adapter, optimizer: optimizer.state() },
    { config, name: 'tiny' },
  );
}

describe('checkpoints', () => {
  it('come back bit for bit', async () => {
    const { dir } = await save(3);
    expect(path.basename(dir)).toBe('step_000003');
    const loaded = await loadCheckpoint(dir, config);
    const { adapter, optimizer } = trained(3);
    expect(loaded.progress).toEqual({ step: 3, pairsSeen: 6, fingerprint: 'f', seconds: 1.5 });
    expect(loaded.adapter).toEqual(adapter);
    expect(loaded.optimizer).toEqual(optimizer.state());
  });

  it('finds the newest, and passes over a damaged one with the reason', async () => {
    await save(1);
    const { dir } = await save(2);
    expect((await newestCheckpoint(runDir)).checkpoint?.step).toBe(2);
    await writeFile(path.join(dir, 'optimizer.safetensors'), 'cut');
    const { checkpoint, passedOver } = await newestCheckpoint(runDir);
    expect(checkpoint?.step).toBe(1);
    expect(passedOver[0].reason).toMatch(/optimizer.safetensors: expected \d+ bytes, got 3/);
  });

  it('never shows what a killed save left behind, and clears it away', async () => {
    const { dir } = await save(1);
    const half = path.join(checkpointsFolder(runDir), '.writing-step_000002-abcd');
    await cp(dir, half, { recursive: true });
    await mkdir(path.join(checkpointsFolder(runDir), 'notes'));
    expect(await listCheckpoints(runDir)).toEqual([{ dir, step: 1 }]);
    await pruneCheckpoints(runDir, 3, 1);
    expect((await readdir(checkpointsFolder(runDir))).sort()).toEqual(['notes', 'step_000001']);
  });

  it('replaces one of the same step and keeps the last k', async () => {
    for (const step of [1, 2, 2, 3, 11]) await save(step);
    await pruneCheckpoints(runDir, 2, 11);
    expect((await listCheckpoints(runDir)).map((c) => c.step)).toEqual([3, 11]);
    expect((await readdir(checkpointsFolder(runDir))).length).toBe(2);
  });

  it('does not count damaged ones of later steps against those of the run that went back', async () => {
    const { dir } = await save(8);
    await writeFile(path.join(dir, 'optimizer.safetensors'), 'cut');
    for (const step of [4, 6]) await save(step);
    await pruneCheckpoints(runDir, 1, 6);
    expect((await listCheckpoints(runDir)).map((c) => c.step)).toEqual([6, 8]);
    expect((await newestCheckpoint(runDir)).checkpoint?.step).toBe(6);
  });

  it.runIf(process.platform !== 'win32')(
    'a disk that fills up in the middle of a save leaves the last checkpoint and names the file',
    async () => {
      const { dir } = await save(1);
      const sizeOf = async (file: string) => (await stat(path.join(dir, file))).size;
      const limit = Math.floor(((await sizeOf('optimizer.safetensors')) - 1) / 1024);
      expect(await sizeOf('adapter_model.safetensors')).toBeLessThan(limit * 1024);
      const from = (name: string) => JSON.stringify(path.join(import.meta.dirname, name));
      const said = await runWithFileLimit(
        limit,
        `import { parseModelConfig } from ${from('../models/config.ts')};
         import { AdamW } from ${from('adamw.ts')};
         import { adapterParameters, initialAdapter } from ${from('adapter.ts')};
         import { saveCheckpoint } from ${from('checkpointing.ts')};
         const config = parseModelConfig(${JSON.stringify(CONFIG)}, 'config.json');
         const adapter = initialAdapter(config, 2, 4, 1);
         const optimizer = new AdamW(adapterParameters(adapter)).state();
         const progress = { step: 2, pairsSeen: 4, fingerprint: 'f', seconds: 1 };
         await saveCheckpoint(${JSON.stringify(runDir)}, { progress, adapter, optimizer }, { config, name: 'tiny' })
           .catch((e) => console.log(e.name, e.code, e.message));`,
      );
      expect(said).toMatch(/^UserError DISK_FULL .*optimizer\.safetensors: expected room to write this file/);
      expect(await readdir(checkpointsFolder(runDir))).toEqual(['step_000001']);
      expect(await newestCheckpoint(runDir)).toEqual({ checkpoint: { dir, step: 1 }, passedOver: [] });
    },
  );

  it('of a run that has none is null', async () => {
    expect(await newestCheckpoint(runDir)).toEqual({ checkpoint: null, passedOver: [] });
  });
});
