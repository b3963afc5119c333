/** @file Which devices there are: each is tried with a small real product, so that "available" means "it computes". */
import os from 'node:os';
import type { DeviceReport } from '../../contract/schemas.ts';
import { Graph } from '../../tensor/graph.ts';
import { createSession } from '../../tensor/onnxruntime.ts';
import { matMul } from '../../tensor/ops.ts';

/** Looks at the CPU and, unless only it is wanted, the GPU. A driver that crashes takes this worker with it; the service reports that. */
export async function listDevices(only: 'cpu' | null): Promise<DeviceReport[]> {
  const cores = os.availableParallelism();
  const cpu: DeviceReport = {
    device: 'cpu',
    available: true,
    reason: `${cores} ${cores === 1 ? 'core' : 'cores'} (${os.cpus()[0]?.model ?? 'unknown model'})`,
    software: false,
  };
  return only === 'cpu' ? [cpu] : [cpu, await tryWebGpu()];
}

async function tryWebGpu(): Promise<DeviceReport> {
  const software = /swiftshader/i.test(process.env.VK_ICD_FILENAMES ?? '');
  try {
    const graph = new Graph();
    const a = graph.input('a', 'float32', [2, 2]);
    graph.output('c', matMul(a, a));
    const session = await createSession(graph, { device: 'webgpu', forbidCpuFallback: true });
    const { c } = await session.run({
      a: { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    });
    await session.release();
    const expected = [7, 10, 15, 22];
    if (expected.some((value, i) => Math.abs(Number(c.data[i]) - value) > 1e-3))
      return {
        device: 'webgpu',
        available: false,
        reason: 'the graphics driver computes wrong results',
        software,
      };
    return {
      device: 'webgpu',
      available: true,
      reason: software ? 'SwiftShader: a GPU emulated on the CPU, slow' : 'WebGPU adapter found',
      software,
    };
  } catch (error) {
    return {
      device: 'webgpu',
      available: false,
      reason: error instanceof Error ? error.message : String(error),
      software,
    };
  }
}
