/** @file The training graph on WebGPU, in a process whose environment chose the driver; sends the result to the parent. */
import { runStep, stepCase } from './training-graph.test-data.ts';

const { metrics, gradients } = await runStep(await stepCase(), { device: 'webgpu' });
// Disconnecting before the message has left would drop it.
process.send!({ metrics, gradients: gradients.map((g) => [...g]) }, () => process.disconnect());
