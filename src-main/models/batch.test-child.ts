/** @file Batches on WebGPU, in a process whose environment chose the driver; sends the text to the parent. */
import { answerOn } from './batch.test-data.ts';

const text = await answerOn('webgpu');
// Disconnecting before the message has left would drop it.
process.send!(text, () => process.disconnect());
