/** @file The engine worker: models in ONNX Runtime, away from the window. Started by `jobs/workers.ts`. */
import { adapterHash } from '../align/adapter.ts';
import { exportMerged } from '../exchange/adapter-export.ts';
import type { EngineApi } from '../jobs/apis.ts';
import type { Handlers } from '../jobs/protocol.ts';
import { serveWorker } from '../jobs/worker-side.ts';
import { defaultFrames } from '../media/model-frames.ts';
import { checkpointHash, openCheckpoint } from '../models/checkpoint.ts';
import { openProcessor } from '../models/processor.ts';
import { answer } from './engine/answer.ts';
import { listDevices } from './engine/devices.ts';
import { divergence } from './engine/divergence.ts';
import { releaseWhenShort } from './engine/loaded-model.ts';
import { toDecode } from './eye.ts';
import { estimate, train } from './engine/train.ts';

let underWay = 0;

/** Frees the model after the call when the machine is short of memory and no other call uses it. */
function tidy<I, C, O>(method: (input: I, context: C) => Promise<O>): (input: I, context: C) => Promise<O> {
  return async (input, context) => {
    underWay++;
    try {
      return await method(input, context);
    } finally {
      if (--underWay === 0) await releaseWhenShort();
    }
  };
}

const handlers: Handlers<EngineApi> = {
  devices: ({ only }) => listDevices(only),
  async describe({ modelDir, adapterDir }) {
    const checkpoint = await openCheckpoint(modelDir);
    const { family } = checkpoint.config;
    // Said now, once, and not of each clip.
    await openProcessor(modelDir, checkpoint.config);
    const { value: frames } = await defaultFrames(modelDir, family);
    return {
      family,
      hash: await checkpointHash(checkpoint),
      frames,
      adapterHash: adapterDir === null ? null : await adapterHash(adapterDir),
    };
  },
  cached: async (request) => (await toDecode(request)) === null,
  answer: tidy(answer),
  divergence: tidy(divergence),
  merge: (input, { signal, emit }) => exportMerged(input, { signal, onProgress: emit }),
  train: tidy(train),
  estimate: tidy(estimate),
};

serveWorker<EngineApi>(handlers);
