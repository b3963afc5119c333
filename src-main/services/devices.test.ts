/** @file Looking for devices: a real look on SwiftShader, no GPU at all, and drivers that crash or hang. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { swiftshaderEnvironment } from '../platform/swiftshader.ts';
import { lookForDevices } from './devices.ts';

const entry = path.join(import.meta.dirname, 'devices.test-worker.ts');

it('finds the CPU, and SwiftShader as a software GPU', async () => {
  const { value, reason } = swiftshaderEnvironment();
  expect(value, reason).not.toBeNull();
  const [cpu, gpu] = await lookForDevices({ env: value ?? {} });
  expect(cpu).toMatchObject({ device: 'cpu', available: true, software: false });
  expect(cpu.reason).toMatch(/^\d+ cores? \(.+\)$/);
  expect(gpu).toMatchObject({ device: 'webgpu', available: true, software: true });
  expect(gpu.reason).toMatch(/GFLOP\/s$/);
});

it('says why there is no GPU', async () => {
  const [, gpu] = await lookForDevices({ env: { VK_ICD_FILENAMES: '/nowhere/icd.json' } });
  expect(gpu).toMatchObject({ available: false, software: false });
  expect(gpu.reason).toMatch(/^no graphics device .*WebGPU: No supported adapters/);
});

it('outlives a driver that crashes', async () => {
  const [cpu, gpu] = await lookForDevices({ entry, env: { DRIVER: 'crashes' } });
  expect(cpu.available).toBe(true);
  expect(gpu.available).toBe(false);
  expect(gpu.reason).toMatch(/^the graphics driver may be broken: .*SIGSEGV/);
});

it('gives up on a driver that hangs', async () => {
  const started = performance.now();
  const [cpu, gpu] = await lookForDevices({ entry, env: { DRIVER: 'hangs' }, timeoutMs: 1500 });
  expect(performance.now() - started).toBeLessThan(20_000);
  expect(cpu.available).toBe(true);
  expect(gpu.reason).toBe('the graphics driver may be broken: trying it took longer than 1.5 s');
});
