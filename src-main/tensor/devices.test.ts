/** @file Device detection: a real probe on SwiftShader, no GPU at all, and a probe that dies. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { swiftshaderEnvironment } from '../platform/swiftshader.ts';
import { probeDevices } from './devices.ts';

describe('probeDevices', () => {
  it('finds the CPU, and SwiftShader as a software GPU', async () => {
    const { value, reason } = swiftshaderEnvironment();
    expect(value, reason).not.toBeNull();
    const report = await probeDevices({ env: value ?? {} });
    expect(report.cpu).toEqual({ available: true, reason: expect.stringContaining('GFLOP/s') as string });
    expect(report.webgpu).toMatchObject({ available: true, software: true });
  });

  it('says why there is no GPU', async () => {
    const { webgpu } = await probeDevices({ env: { VK_ICD_FILENAMES: '/nowhere/icd.json' } });
    expect(webgpu).toMatchObject({ available: false, software: false });
    expect(webgpu.reason).toMatch(/^no graphics device .*WebGPU: No supported adapters/);
  });

  it('survives a probe that is killed', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'probe-'));
    const entry = path.join(folder, 'probe.mjs');
    await writeFile(entry, "process.kill(process.pid, 'SIGSEGV');");
    const report = await probeDevices({ entry });
    await rm(folder, { recursive: true });
    expect(report.webgpu.available).toBe(false);
    expect(report.webgpu.reason).toContain('SIGSEGV');
  });
});
