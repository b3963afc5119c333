/** @file A candidate made again from its provenance alone: the same model, frames, recipe, seed and decoding give the same text. */
import { z } from 'zod';
import type { AnswerEvent } from '../jobs/apis.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import { engineModel, engineVideo } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** What came of it. `original` is the text as it first came, before any edit. */
export type Reproduction = { pairId: string; equal: boolean; original: string; text: string };

/** Of a provenance, what an answer depends on. */
const Reproducible = z.object({
  kind: z.literal('generated'),
  modelHash: z.string(),
  recipe: z.unknown(),
  seed: z.number(),
  frameIndices: z.array(z.number()).min(1),
  decoding: z.object({ temperature: z.number(), seed: z.number(), maxNewTokens: z.number() }),
  original: z.string(),
});

/**
 * Asks the model once more, as the pair's provenance says.
 * @throws UserError BAD_INPUT for a pair that was not generated; CONFLICT when the model or the frames are not those of then
 */
export async function reproduce(workbench: Workbench, pairId: string): Promise<Reproduction> {
  const project = workbench.requireProject();
  const { provenance, question, videoId } = new PairService(project).get(pairId);
  const parsed = Reproducible.safeParse(provenance);
  if (!parsed.success)
    throw new UserError(
      'BAD_INPUT',
      `reproduce: expected a generated pair with its full provenance, got one that is ${provenance.kind}`,
      'Imported and written answers have no model that could give them again.',
    );
  const { modelHash, recipe, seed, frameIndices, decoding, original } = parsed.data;
  const model = engineModel(project, null);
  const { video, reason } = engineVideo(project, videoId);
  if (video === null)
    throw new UserError('UNAVAILABLE', `reproduce: ${reason}`, 'Find the video again in the Library.');
  const { done } = workbench.jobs.enqueue({
    kind: 'evaluate',
    title: 'Making an answer again',
    lane: 'engine',
    run: async ({ signal }) => {
      const { engine } = workbench.workers;
      const { hash, family, frames } = await engine.call('describe', model, { signal });
      if (hash !== modelHash)
        throw new UserError(
          'CONFLICT',
          `reproduce: expected the model ${modelHash.slice(0, 12)} that gave the answer, got ${hash.slice(0, 12)}`,
          "Choose that checkpoint as the project's model.",
        );
      const events: AnswerEvent[] = [];
      await engine.call(
        'answer',
        {
          model,
          task: { video, seed, pixels: null, questions: [{ id: pairId, text: question, decoding }] },
          // SmolVLM samples at most so many; the others exactly.
          frames: family === 'smolvlm' ? frames : frameIndices.length,
          recipe: recipe ?? null,
        },
        { signal, onEvent: (event) => events.push(event) },
      );
      const [event] = events;
      if (event.type === 'skipped') throw new UserError('CORRUPT', `reproduce: ${event.reason}`);
      if (event.frameIndices.join() !== frameIndices.join())
        throw new UserError(
          'CONFLICT',
          `reproduce: expected the frames ${frameIndices.join(', ')}, got ${event.frameIndices.join(', ')}`,
          'The video is not the one of then, or its model samples frames otherwise now.',
        );
      return event.text;
    },
  });
  const text = await done;
  return { pairId, equal: text === original, original, text };
}
