/**
 * @file Which devices can run graphs, with reasons. Creating a GPU session loads a driver, and a bad one can end or hang the
 * whole process: call it in a process of its own, as `services/devices.ts` does.
 */
import { Graph } from './graph.ts';
import { type Device, createSession, type Tensor } from './onnxruntime.ts';
import { matMul, softmax } from './ops.ts';

/** Availability of each device; `reason` says why or why not, `software` whether the GPU is emulated on the CPU. */
export interface DeviceReport {
  readonly cpu: { readonly available: boolean; readonly reason: string };
  readonly webgpu: { readonly available: boolean; readonly reason: string; readonly software: boolean };
}

/** Below this rate (at this size, overheads included) a "GPU" is a program on the CPU: SwiftShader reaches 0.2 per core. */
const SOFTWARE_GFLOPS = 4;
const SIZE = 256;

/** Tries each device in this process: a product on it with CPU fallback forbidden, compared with the CPU's result. */
export async function detectDevices(): Promise<DeviceReport> {
  const reference = await attempt('cpu');
  if (typeof reference === 'string') {
    const cpu = { available: false, reason: reference };
    return { cpu, webgpu: { ...cpu, reason: 'not tried: the CPU does not work', software: false } };
  }
  const cpu = { available: true, reason: `runs, ${reference.gflops.toFixed(0)} GFLOP/s` };
  const gpu = await attempt('webgpu');
  if (typeof gpu === 'string') return { cpu, webgpu: { available: false, reason: gpu, software: false } };
  const worst = gpu.result.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - reference.result[index])),
    0,
  );
  if (!(worst < 1e-4)) {
    return { cpu, webgpu: { available: false, reason: `wrong results: off by ${worst}`, software: false } };
  }
  const driver = process.env.VK_ICD_FILENAMES ?? process.env.VK_DRIVER_FILES ?? '';
  const software = /swiftshader|lvp|llvmpipe/i.test(driver) || gpu.gflops < SOFTWARE_GFLOPS;
  const speed = `${gpu.gflops.toFixed(1)} GFLOP/s`;
  return {
    cpu,
    webgpu: { available: true, reason: software ? `runs in software, ${speed}` : `runs, ${speed}`, software },
  };
}

async function attempt(device: Device): Promise<{ result: Float32Array; gflops: number } | string> {
  try {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [SIZE, SIZE]);
    graph.output('y', softmax(matMul(x, x)));
    const session = await createSession(graph, { device });
    const data = Float32Array.from({ length: SIZE * SIZE }, (_, index) => ((index * 7919) % 101) / 1000);
    const feeds: Record<string, Tensor> = { x: { dtype: 'float32', shape: [SIZE, SIZE], data } };
    // The first run compiles shaders.
    const result = (await session.run(feeds)).y.data as Float32Array;
    const started = performance.now();
    await session.run(feeds);
    const gflops = (2 * SIZE ** 3) / (performance.now() - started) / 1e6;
    await session.release();
    return { result, gflops };
  } catch (error) {
    return plainReason(error instanceof Error ? error.message : String(error));
  }
}

/** The runtime's own words without the source file and condition that it puts before them. */
function plainReason(message: string): string {
  const adapter = /Failed to get a WebGPU adapter: (.+)/.exec(message);
  if (adapter)
    return `no graphics device with a Vulkan, Metal or Direct3D 12 driver was found (WebGPU: ${adapter[1]})`;
  return message.replace(/^.*?\/onnxruntime_src\/.*?(?:was false\.|Error:)\s*/s, '').trim() || message;
}
