/** @file `rrpo-workbench devices`: what a training can be told to run on (`train --set device=...`), each with the reason. */
import type { Session } from './session.ts';

export async function devicesCommand({ client, output }: Session): Promise<void> {
  const devices = await client.train.devices();
  const lines = devices.map(({ device, available, software, reason }) => {
    const verdict = available ? (software ? 'usable, but emulated and slow' : 'usable') : 'not usable';
    return `${device}: ${verdict} (${reason})`;
  });
  output.result(devices, lines.join('\n'));
}
