/** @file Pairs out of a project, in every format that they come in. What is written is exactly what is stored. */
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { z } from 'zod';
import type { ImportFormat, Pair, PairStatus } from '../contract/schemas.ts';
import type { Extra } from '../library/formats/form.ts';
import type { ExportRow } from '../library/formats/format.ts';
import { FORMATS } from '../library/formats/index.ts';
import { SampleLibrary } from '../library/samples.ts';
import { exportedPath } from '../library/video-paths.ts';
import { VideoLibrary } from '../library/videos.ts';
import type { BulkContext } from '../pairs/bulk.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import type { OpenProject } from '../project/project.ts';

/** Bytes handed to the file at a time. */
const CHUNK = 1 << 16;
/** After so many milliseconds others get a turn: pairs are saved meanwhile. */
const TURN_MS = 20;

export type ExportOptions = {
  path: string;
  format: z.infer<typeof ImportFormat>;
  /** Only pairs of this queue. @default all, and the samples that no pair was made of */
  status?: z.infer<typeof PairStatus>;
};

/**
 * Writes pairs to a file, whole or not at all; returns how many. Videos below the file's folder are written relative to it,
 * others absolute.
 * @throws UserError BAD_INPUT naming the pair whose marks cannot be written; CANCELLED; nothing is written then.
 */
export async function exportPairs(
  project: OpenProject,
  options: ExportOptions,
  { signal, onStep }: BulkContext = {},
): Promise<{ path: string; count: number }> {
  const target = path.resolve(options.path);
  const format = FORMATS[options.format];
  const passes = format.passes ?? 1;
  const ids = exported(project, options.status);
  let given = 0;
  const rows = {
    *[Symbol.iterator](): Generator<ExportRow> {
      for (const row of exportRows(project, path.dirname(target), ids)) {
        if (signal?.aborted) throw new UserError('CANCELLED', 'Cancelled.');
        onStep?.(Math.floor(++given / passes), ids.length);
        yield row;
      }
    },
  };
  await writeFileAtomic(target, encoded(format.write(rows)));
  return { path: target, count: ids.length };
}

/** Pairs as rows, in the order of creation; of all of them, also the samples that no pair was made of. */
function* exportRows(
  project: OpenProject,
  folder: string,
  ids: ReturnType<typeof exported>,
): Generator<ExportRow> {
  const samples = new SampleLibrary(project);
  const pairs = new PairService(project);
  const videos = new Map(new VideoLibrary(project).list().map((video) => [video.id, video.path]));
  for (const { pairId, sampleId } of ids) {
    const pair = pairId === null ? null : pairs.stored(pairId);
    if (pair) expectWritable(pair);
    const sample = samples.record(sampleId);
    const own = pair && pairs.origin(pair.id);
    const extra = own ? (JSON.parse(own.extra) as Extra) : sample.extra;
    const { video: written, ...rest } = extra;
    const file = videos.get(sample.videoId)!;
    // The path as it was written, for as long as it leads to the video from here too.
    const leads = written !== undefined && path.resolve(folder, written.replaceAll('\\', '/')) === file;
    yield {
      video: leads ? written : exportedPath(folder, file),
      question: sample.question,
      chosen: pair?.chosen ?? sample.chosen,
      rejected: pair?.rejected ?? null,
      phrases: pair?.phrases ?? [],
      type: sample.type,
      split: sample.split,
      source: sample.source,
      externalId: (own ?? sample).externalId ?? pair?.id ?? sampleId,
      provenance: pair?.provenance ?? null,
      extra: rest,
    };
  }
}

/** What is exported, by id. Ids of pairs and of samples without one sort together by creation. */
function exported(
  project: OpenProject,
  status: ExportOptions['status'],
): { pairId: string | null; sampleId: string }[] {
  type Row = { pairId: string | null; sampleId: string };
  if (status !== undefined)
    return project.db
      .prepare<Row>('SELECT id AS pairId, sample_id AS sampleId FROM pairs WHERE status = ? ORDER BY seq')
      .all(status);
  return project.db
    .prepare<Row & { at: string }>(
      `SELECT id AS pairId, sample_id AS sampleId, substr(id, 3) AS at FROM pairs
        UNION ALL SELECT NULL, id, substr(id, 3) FROM samples s
          WHERE NOT EXISTS (SELECT 1 FROM pairs p WHERE p.sample_id = s.id)
        ORDER BY at`,
    )
    .all();
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

async function* encoded(pieces: Iterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = '';
  let since = performance.now();
  for (const piece of pieces) {
    text += piece;
    if (text.length >= CHUNK) {
      yield encoder.encode(text);
      text = '';
    }
    if (performance.now() - since < TURN_MS) continue;
    await breathe();
    since = performance.now();
  }
  yield encoder.encode(text);
}
