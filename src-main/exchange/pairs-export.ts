/** @file Pairs out of a project, in every format that they come in. What is written is exactly what is stored. */
import path from 'node:path';
import type { z } from 'zod';
import type { ImportFormat, Pair, PairStatus } from '../contract/schemas.ts';
import type { ExportRow } from '../library/formats/format.ts';
import { FORMATS } from '../library/formats/index.ts';
import { SampleLibrary } from '../library/samples.ts';
import { VideoLibrary } from '../library/videos.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { isInside } from '../platform/paths.ts';
import type { OpenProject } from '../project/project.ts';

/** Bytes handed to the file at a time. */
const CHUNK = 1 << 16;

export type ExportOptions = {
  path: string;
  format: z.infer<typeof ImportFormat>;
  /** Only pairs of this queue. @default all */
  status?: z.infer<typeof PairStatus>;
};

/**
 * Writes pairs to a file, whole or not at all; returns how many. Videos below the file's folder are written relative to it,
 * others absolute.
 * @throws UserError BAD_INPUT naming the pair whose marks cannot be written; nothing is written then.
 */
export async function exportPairs(
  project: OpenProject,
  options: ExportOptions,
): Promise<{ path: string; count: number }> {
  const target = path.resolve(options.path);
  let count = 0;
  function* counted(): Generator<ExportRow> {
    for (const row of exportRows(project, path.dirname(target), options.status)) {
      count++;
      yield row;
    }
  }
  await writeFileAtomic(target, encoded(FORMATS[options.format].write(counted())));
  return { path: target, count };
}

/** Pairs as rows, in the order of creation. */
function* exportRows(
  project: OpenProject,
  folder: string,
  status: ExportOptions['status'],
): Generator<ExportRow> {
  const samples = new SampleLibrary(project);
  const videos = new Map(new VideoLibrary(project).list().map((video) => [video.id, video.path]));
  for (const pair of new PairService(project).all(status)) {
    expectWritable(pair);
    const sample = samples.record(pair.sampleId);
    const file = videos.get(pair.videoId)!;
    yield {
      video: isInside(folder, file) ? path.relative(folder, file).split(path.sep).join('/') : file,
      question: pair.question,
      chosen: pair.chosen,
      rejected: pair.rejected,
      phrases: pair.phrases,
      type: pair.type,
      split: pair.split,
      source: sample.source,
      externalId: sample.externalId ?? pair.id,
      provenance: pair.provenance,
      extra: sample.extra,
    };
  }
}

/** Tags can stand only where the text is, and text that looks like a tag would be read as one. */
function expectWritable(pair: Pair): void {
  const lost = pair.lints.find((lint) => lint.code === 'lost-mark');
  const tag = [pair.chosen, pair.rejected].find((text) => /<\/?MASK>/.test(text));
  if (!lost && tag === undefined) return;
  throw new UserError(
    'BAD_INPUT',
    `export: expected marks on the text of pair ${pair.id} (${pair.videoName}, "${pair.question}"), got: ${
      lost ? lost.message : `an answer with a tag in it: "${tag}"`
    }`,
    'Mend this pair in Review, or move it to another queue and export again.',
  );
}

function* encoded(pieces: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(text);
}
