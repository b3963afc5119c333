/** @file Every op, its gradient and the RRPO training graph on the WebGPU provider, CPU fallback forbidden, through SwiftShader. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { swiftshaderEnvironment } from '../platform/swiftshader.ts';
import { NAMED_CASES } from './op-cases.ts';
import type { CaseReport } from './webgpu.test-child.ts';

// SwiftShader compiles a few hundred shaders: ten seconds on a quiet machine, a minute on a busy one.
it('runs every op and the training graph on the GPU with the CPU results', { timeout: 300_000 }, async () => {
  const { value, reason } = swiftshaderEnvironment();
  expect(value, reason).not.toBeNull();
  const child = fork(fileURLToPath(new URL('./webgpu.test-child.ts', import.meta.url)), [], {
    env: { ...process.env, ...value },
    execArgv: [],
  });
  const reports: CaseReport[] = [];
  child.on('message', (message) => reports.push(message as CaseReport));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code).toBe(0);
  const failed = reports.filter(({ passed }) => !passed);
  expect(failed).toEqual([]);
  expect(reports).toHaveLength(NAMED_CASES.length + 1);
});
