/** @file Entry of the device probe: sends one DeviceReport to the process that forked it, then ends. See devices.ts. */
import { detectDevices } from './devices.ts';

const report = await detectDevices();
process.send?.(report, () => process.exit(0));
