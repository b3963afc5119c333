/** @file Which devices there are: each is tried with a small real product, so that "available" means "it computes". */
import os from 'node:os';
import type { DeviceReport } from '../../contract/schemas.ts';
import { detectDevices } from '../../tensor/devices.ts';

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
  const { webgpu } = await detectDevices();
  return { device: 'webgpu', ...webgpu };
}
