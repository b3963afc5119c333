/** @file A candidate made again from its provenance alone: the same model, frames, recipe, seed and decoding give the same text. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { AnswerEvent, EngineModel, ModelDescription } from '../jobs/apis.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import { engineModel, engineVideo } from './engine-requests.ts';
import type { Workbench } from './workbench.ts';

/** What came of it. `original` is the text as it first came, before any edit. */
export type Reproduction = { pairId: string; equal: boolean; original: string; text: string };

/** Of a provenance, what an answer depends on. */
const Reproducible = z.object({
  kind: z.enum(['generated', 'model-answer']),
  model: z.string().optional(),
  modelHash: z.string(),
  adapter: z.string().optional(),
  adapterHash: z.string().optional(),
  recipe: z.unknown(),
  seed: z.number().default(0),
  frames: z.number().optional(),
  frameIndices: z.array(z.number()).min(1),
  decoding: z.object({ temperature: z.number(), seed: z.number(), maxNewTokens: z.number() }),
  question: z.string().optional(),
  original: z.string(),
});
type Reproducible = z.infer<typeof Reproducible>;

/**
 * Asks the model once more, base or tuned, as the pair's provenance says.
 * @throws UserError BAD_INPUT for a pair that no model gave, or whose provenance is not whole; NOT_FOUND when the adapter is gone;
 * CONFLICT when model, adapter or frames are not those of then
 */
export async function reproduce(workbench: Workbench, pairId: string): Promise<Reproduction> {
  const project = workbench.requireProject();
  const { provenance, question, videoId } = new PairService(project).get(pairId);
  const parsed = Reproducible.safeParse(provenance);
  if (!parsed.success)
    throw new UserError(
      'BAD_INPUT',
      `reproduce: expected a model's answer with its full provenance, got one that is ${provenance.kind}${missing(parsed.error)}`,
      'Imported and written answers have no model that could give them again; answers of older versions lack what is named.',
    );
  const { recipe, seed, frames, frameIndices, decoding, original } = parsed.data;
  const { video, reason } = engineVideo(project, videoId);
  if (video === null)
    throw new UserError('UNAVAILABLE', `reproduce: ${reason}`, 'Find the video again in the Library.');
  const { done } = workbench.jobs.enqueue({
    kind: 'evaluate',
    title: 'Making an answer again',
    lane: 'engine',
    run: async ({ signal }) => {
      const { engine } = workbench.workers;
      const { model, ...described } = await sameModel(workbench, parsed.data, signal);
      const events: AnswerEvent[] = [];
      await engine.call(
        'answer',
        {
          model,
          task: {
            video,
            seed,
            pixels: null,
            questions: [{ id: pairId, text: parsed.data.question ?? question, decoding }],
          },
          // Older provenance lacks it. SmolVLM samples at most so many; the others exactly.
          frames: frames ?? (described.family === 'smolvlm' ? described.frames : frameIndices.length),
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

/** ", without frameIndices, decoding": what a provenance lacks. */
function missing(error: z.ZodError): string {
  const names = [...new Set(error.issues.map(({ path }) => String(path[0])))].filter(
    (name) => name !== 'kind',
  );
  return names.length === 0 ? '' : `, without ${names.join(', ')}`;
}

/** The model that gave the answer, with its adapter: in the folder of then, or as the project's model. */
async function sameModel(
  workbench: Workbench,
  { model: stored, modelHash, adapter, adapterHash }: Reproducible,
  signal: AbortSignal,
): Promise<ModelDescription & { model: EngineModel }> {
  const project = workbench.requireProject();
  const adapterDir = adapter === undefined ? null : project.resolvePath(adapter);
  const own = engineModel(project, adapterDir);
  const then = stored === undefined ? own.modelDir : project.resolvePath(stored);
  const modelDir = existsSync(then) ? then : own.modelDir;
  const model = { ...own, modelDir };
  const described = await workbench.workers.engine.call('describe', model, { signal });
  const expectHash = (what: string, was: string | undefined, is: string | null, hint: string): void => {
    if (was !== undefined && was !== is)
      throw new UserError(
        'CONFLICT',
        `reproduce: expected the ${what} ${was.slice(0, 12)} that gave the answer, got ${String(is).slice(0, 12)}`,
        hint,
      );
  };
  expectHash('model', modelHash, described.hash, `Put that checkpoint back in ${then}.`);
  expectHash(
    'adapter',
    adapterHash,
    described.adapterHash,
    `${String(adapterDir)} was trained further since; the answer cannot be made again.`,
  );
  return { ...described, model };
}
