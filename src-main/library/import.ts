/**
 * @file Import of samples: a preview, and the import itself, streaming and in small transactions. A bad row costs that row; the
 * same row is never taken twice, so an import that was cancelled is simply started again.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { z } from 'zod';
import type { ImportFormat, ImportPreview, ImportReport } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { explainWriteError } from '../platform/files.ts';
import type { OpenProject } from '../project/project.ts';
import { RowError, type ImportRow, type ReadRow } from './formats/format.ts';
import { detectFormat } from './formats/index.ts';
import { inferQuestionType } from './question-type.ts';
import { SampleLibrary } from './samples.ts';
import { writeRecord } from './text/delimited.ts';
import { readText } from './text/read-text.ts';
import { VideoPaths } from './video-paths.ts';
import { VideoLibrary } from './videos.ts';

type Format = z.infer<typeof ImportFormat>;
type Progress = (fraction: number, detail?: string) => void;

/** Rows shown in a preview. */
const PREVIEW_ROWS = 20;
/** Rows per transaction: about 30 ms, so that the window stays quick during an import. */
const BATCH = 250;
/** Errors listed in the report; the whole list is in its file. */
const LISTED_ERRORS = 1000;

export type ImportOptions = {
  file: string;
  /** @default recognised by content */
  format?: Format;
  /** Folder that the paths in the file are relative to. @default the file's own folder */
  videoRoot?: string;
  signal?: AbortSignal;
  onProgress?: Progress;
  /**
   * Makes a pending pair of the row's rejected answer; false when the sample has that candidate already. The pairs' service
   * gives this: it lives above the library.
   */
  addPair: (sampleId: string, row: ImportRow & { rejected: string }) => boolean;
};

/** The first rows of a file as they would be imported; nothing is changed. @throws UserError BAD_INPUT */
export async function previewImport(
  project: OpenProject,
  file: string,
  stated?: Format,
  videoRoot?: string,
): Promise<ImportPreview> {
  await expectFile(file);
  const { format, reason, head } = await detectFormat(file, stated);
  const paths = new VideoPaths(new VideoLibrary(project), file, videoRoot);
  const rows: ImportPreview['rows'] = [];
  try {
    for await (const item of format.read(readText(file))) {
      rows.push(previewRow(item, paths));
      if (rows.length >= PREVIEW_ROWS) break;
    }
  } catch (error) {
    throw asUserError(error, file);
  }
  return { path: file, format: format.id, reason, mapping: format.mapping(head), rows };
}

function previewRow(item: ReadRow, paths: VideoPaths): ImportPreview['rows'][number] {
  const { line } = item;
  if ('error' in item)
    return {
      line,
      video: '',
      videoFound: false,
      question: '',
      chosen: '',
      rejected: null,
      error: item.error,
    };
  const { video, question, chosen, rejected } = item.row;
  const found = paths.resolve(video);
  return {
    line,
    video,
    videoFound: found.exists || found.known !== null,
    question,
    chosen,
    rejected,
    error: null,
  };
}

/**
 * Imports a file. Videos that are not in the library yet are added (not probed: the caller sees to {@link VideoLibrary.unprobed}).
 * @throws UserError BAD_INPUT (no known format), DISK_FULL (what was imported before stays), AbortError.
 */
export async function importSamples(project: OpenProject, options: ImportOptions): Promise<ImportReport> {
  const { file, signal, onProgress } = options;
  const { size } = await expectFile(file);
  const { format } = await detectFormat(file, options.format);
  const errors = new ErrorList(project.path, file);
  const importer = new RowImporter(project, options);
  let bytes = 0;
  let batch: { line: number; row: ImportRow }[] = [];
  const flush = (): void => {
    const failed: { line: number; reason: string }[] = [];
    project.db.transaction(() => {
      for (const { line, row } of batch) {
        const reason = importer.take(row);
        if (reason !== null) failed.push({ line, reason });
      }
    });
    for (const { line, reason } of failed) errors.add(line, reason);
    batch = [];
  };
  try {
    for await (const item of format.read(readText(file, (n) => (bytes = n), signal))) {
      if ('error' in item) errors.add(item.line, item.error);
      else batch.push(item);
      if (batch.length < BATCH) continue;
      flush();
      onProgress?.(Math.min(1, bytes / Math.max(1, size)), `${importer.imported.toLocaleString('en')} rows`);
      await setImmediate();
      signal?.throwIfAborted();
    }
    flush();
    return {
      imported: importer.imported,
      duplicates: importer.duplicates,
      failed: errors.count,
      errors: errors.listed,
      errorsFile: await errors.save(),
      missingVideos: importer.missing.size,
    };
  } catch (error) {
    await errors.discard();
    throw asUserError(error, file);
  }
}

/** Puts rows into the project, inside the caller's transaction. */
class RowImporter {
  imported = 0;
  duplicates = 0;
  /** Ids of videos that have no file. */
  readonly missing = new Set<string>();
  readonly #videos: VideoLibrary;
  readonly #samples: SampleLibrary;
  readonly #paths: VideoPaths;
  readonly #source: string;
  readonly #addPair: ImportOptions['addPair'];
  readonly #seen = new Map<string, string>();

  constructor(project: OpenProject, options: ImportOptions) {
    this.#videos = new VideoLibrary(project);
    this.#samples = new SampleLibrary(project);
    this.#paths = new VideoPaths(this.#videos, options.file, options.videoRoot);
    this.#source = path.basename(options.file);
    this.#addPair = options.addPair;
  }

  /** Null when the row is in, otherwise why it is not; then it has changed nothing. */
  take(row: ImportRow): string | null {
    const videoId = this.#video(row.video);
    if (row.split) {
      const conflict = this.#videos.stateSplit(videoId, row.split);
      if (conflict) return conflict;
    }
    if (this.#insert(row, videoId)) this.imported++;
    else this.duplicates++;
    return null;
  }

  /** The row's video, added when it is new. */
  #video(written: string): string {
    const seen = this.#seen.get(written);
    if (seen !== undefined) return seen;
    const found = this.#paths.resolve(written);
    const videoId = found.known ?? this.#videos.addReferenced(found.file, found.exists);
    if (!found.exists && found.known === null) this.missing.add(videoId);
    if (this.#seen.size >= 100_000) this.#seen.clear();
    this.#seen.set(written, videoId);
    return videoId;
  }

  #insert(row: ImportRow, videoId: string): boolean {
    const { id, isNew } = this.#samples.add({
      videoId,
      question: row.question,
      type: row.type ?? inferQuestionType(row.question, row.chosen).value,
      chosen: row.chosen,
      source: row.source ?? this.#source,
      externalId: row.externalId,
      extra: row.extra,
    });
    const { rejected } = row;
    if (rejected === null) return isNew;
    return this.#addPair(id, { ...row, rejected }) || isNew;
  }
}

/** The rows that failed: the first thousand in memory, all of them in a file beside the project's database. */
class ErrorList {
  count = 0;
  readonly listed: { line: number; reason: string }[] = [];
  readonly #file: string;
  readonly #stem: string;
  #stream: ReturnType<typeof createWriteStream> | null = null;
  #failure: Error | null = null;

  constructor(projectFolder: string, imported: string) {
    const stamp = new Date().toISOString().replace(/[:.]/g, '-');
    this.#stem = path.basename(imported);
    this.#file = path.join(projectFolder, 'imports', `${this.#stem}-${stamp}.errors.csv`);
  }

  add(line: number, reason: string): void {
    this.count++;
    if (this.listed.length < LISTED_ERRORS) this.listed.push({ line, reason });
    this.#waiting.push(writeRecord([String(line), reason], ','));
    if (this.#waiting.length >= 1000) this.#drain();
  }

  #waiting: string[] = [writeRecord(['line', 'reason'], ',')];
  #opening: Promise<void> | null = null;

  #drain(): void {
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#opening = (this.#opening ?? this.#open()).then(() => {
      this.#stream!.write(text);
    });
  }

  async #open(): Promise<void> {
    await mkdir(path.dirname(this.#file), { recursive: true });
    this.#stream = createWriteStream(`${this.#file}.tmp`);
    this.#stream.on('error', (error) => (this.#failure = error));
  }

  /** The finished file's path, or null when no row failed. */
  async save(): Promise<string | null> {
    if (this.count === 0) return null;
    this.#drain();
    await this.#opening;
    await new Promise<void>((resolve) => this.#stream!.end(resolve));
    if (this.#failure) throw explainWriteError(this.#file, this.#failure);
    await rename(`${this.#file}.tmp`, this.#file);
    return this.#file;
  }

  async discard(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    this.#stream?.destroy();
    await rm(`${this.#file}.tmp`, { force: true });
  }
}

async function expectFile(file: string): Promise<{ size: number }> {
  const info = await stat(file).catch((error: unknown) => {
    throw new UserError(
      'NOT_FOUND',
      `import: expected a file at ${file}, got none`,
      'Check the path and try again.',
      { cause: error },
    );
  });
  if (info.isDirectory())
    throw new UserError(
      'BAD_INPUT',
      `import: expected a file with questions and answers, got the folder ${file}`,
      'Choose a JSON, JSONL, CSV or TSV file. Folders of videos are added in the Library.',
    );
  if (info.size === 0)
    throw new UserError(
      'BAD_INPUT',
      `import: expected questions and answers, got the empty file ${file}`,
      'Choose another file.',
    );
  return info;
}

/** A reader that cannot go on at all says why as a RowError without a row. */
function asUserError(error: unknown, file: string): unknown {
  if (!(error instanceof RowError)) return error;
  return new UserError(
    'BAD_INPUT',
    `import: ${error.message} in ${file}`,
    'Mend the file and import it again.',
    {
      cause: error,
    },
  );
}
