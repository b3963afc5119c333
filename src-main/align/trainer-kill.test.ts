/** @file Real training processes killed at many moments end with the curve and the adapter of one that never was. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newestCheckpoint } from './checkpointing.ts';
import { metricsFile, readMetrics } from './metrics.ts';
import { adapterBytes, curve, TEST_CONFIG, TINY_MODEL, tinyPairs } from './trainer.test-data.ts';
import { train } from './trainer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trainer-kill-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('kill -9', () => {
  it('loses at most the step under way, at any moment, and the curve is that of a run never killed', async () => {
    const runDir = path.join(folder, 'killed');
    let kills = 0;
    for (let attempt = 0; attempt < 12; attempt++) {
      const before = (await newestCheckpoint(runDir)).checkpoint?.step ?? 0;
      const code = await runAndKill(runDir, attempt < 4 ? 60 + 130 * attempt : null);
      const { checkpoint, passedOver } = await newestCheckpoint(runDir);
      expect(passedOver).toEqual([]);
      expect(checkpoint?.step ?? 0).toBeGreaterThanOrEqual(before);
      // A metric line may be one step ahead of the checkpoint; never more.
      const lines = await readMetrics(metricsFile(runDir));
      expect(lines.length - (checkpoint?.step ?? 0)).toBeLessThanOrEqual(1);
      if (code === 0) break;
      kills++;
    }
    expect(kills).toBe(4);
    const straight = path.join(folder, 'straight');
    const config = { ...TEST_CONFIG, checkpointEvery: 12 };
    await train({ runDir: straight, modelDir: TINY_MODEL, pairs: await tinyPairs(), config });
    expect(await curve(runDir)).toEqual(await curve(straight));
    expect((await adapterBytes(runDir)).equals(await adapterBytes(straight))).toBe(true);
    const left = await readdir(path.join(runDir, 'checkpoints'));
    expect(left.sort()).toEqual(['step_000010', 'step_000011', 'step_000012']);
  }, 300_000); // each attempt is a process that compiles the graph again
});

/** Runs the child, killing it `afterMs` after its training began, in its first three steps; resolves with its exit code (null when killed). */
function runAndKill(runDir: string, afterMs: number | null): Promise<number | null> {
  const script = path.join(import.meta.dirname, 'trainer.test-child.ts');
  const steps = afterMs === null ? [] : ['3'];
  const child = spawn(process.execPath, [script, runDir, ...steps], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (data: Buffer) => {
    if (afterMs !== null && data.includes('started')) setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  return new Promise((resolve) => child.on('exit', (code) => resolve(code)));
}
