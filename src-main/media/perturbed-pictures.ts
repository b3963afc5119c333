/** @file What a model is given of a perturbed clip, as picture files: one for each of its frames, masks drawn, in the size they are stored in. */
import type { PlannedFrame } from '../contract/perturb.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { frames, type DecodeOptions } from './decode.ts';
import { frameToPicture } from './filmstrip.ts';
import { drawLayers } from './perturb.ts';
import type { PtsTable } from './pts.ts';

/**
 * Writes the picture of each planned frame k to `nameOf(k)`. `indices` are the frames of the video that the plan's sources count in. Each is decoded
 * once, one at a time; `onPicture` is told of each picture that is there.
 * @throws as {@link frames}
 */
export async function makePerturbedPictures(
  file: string,
  table: PtsTable,
  indices: readonly number[],
  plan: readonly PlannedFrame[],
  nameOf: (k: number) => string,
  options: Pick<DecodeOptions, 'signal'> & { onPicture?: (k: number) => void } = {},
): Promise<void> {
  const wanted = plan.map(({ source }) => indices[source]);
  for await (const frame of frames(file, table, wanted, options))
    for (const [k, { layers }] of plan.entries())
      if (wanted[k] === frame.index) {
        await writeFileAtomic(nameOf(k), frameToPicture(drawLayers(frame, layers)));
        options.onPicture?.(k);
      }
}
