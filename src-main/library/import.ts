/**
 * @file Import of samples: a preview, and the import itself, streaming and in transactions of a few milliseconds, so that a window on
 * the same project saves and reads meanwhile. A bad row costs that row. How far it is is written with the rows: an import that was
 * cancelled goes on where it was.
 */
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { z } from 'zod';
import type { ImportFormat, ImportMapping, ImportPreview, ImportReport } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import type { OpenProject } from '../project/project.ts';
import { RowError, type Format as FormatReader, type ImportRow, type ReadRow } from './formats/format.ts';
import { detectFormat } from './formats/index.ts';
import { fileIdentity, ImportState, type Counts } from './import-state.ts';
import { inferQuestionType } from './question-type.ts';
import { SampleLibrary } from './samples.ts';
import { Cursor } from './text/cursor.ts';
import { TextFile, type Head } from './text/read-text.ts';
import { exportedPath, VideoPaths } from './video-paths.ts';
import { VideoLibrary } from './videos.ts';

type Format = z.infer<typeof ImportFormat>;
type Progress = (fraction: number, detail?: string) => void;

/** Rows shown in a preview. */
const PREVIEW_ROWS = 20;
/** Characters of a text shown in a preview. */
const PREVIEW_TEXT = 1000;
/**
 * Milliseconds of processor time that a transaction is to take. While one runs nothing else does: a save that comes waits for it. Not by
 * the clock: beside other programs transactions would be ever smaller, and each costs something of its own.
 */
const SLICE_MS = 8;
/** What a row costs beside its characters, in characters: its ids, hashes and statements. */
const ROW_COST = 1000;
/** Errors listed in the report; the whole list is in its file. */
const LISTED_ERRORS = 1000;

/** What decides what the rows of a file become. */
export type ImportSettings = {
  /** @default recognised by content */
  format?: Format;
  /** Folder that the paths in the file are relative to. @default the file's own folder */
  videoRoot?: string;
  /** Columns of fields, over those that are known by name. */
  mapping?: ImportMapping;
};

export type ImportOptions = ImportSettings & {
  file: string;
  /** Begins anew where an import of this file was stopped. @default false */
  startOver?: boolean;
  signal?: AbortSignal;
  /** An earlier import of the file had done this fraction. */
  onContinue?: (fraction: number) => void;
  onProgress?: Progress;
  /**
   * Makes a pending pair of the row's rejected answer; false when the sample has that candidate already. `isNew`: the sample was made
   * of this row. The pairs' service gives this: it lives above the library.
   */
  addPair: (sampleId: string, row: ImportRow & { rejected: string }, isNew: boolean) => boolean;
};

/** The first rows of a file as they would be imported; nothing is changed. @throws UserError BAD_INPUT */
export async function previewImport(
  project: OpenProject,
  file: string,
  settings: ImportSettings = {},
): Promise<ImportPreview> {
  const { size } = await expectFile(file);
  const { format, reason, head } = await detectFormat(file, settings.format, true);
  const { mapping } = settings;
  const choice = format.fields(head, mapping);
  const state = await importState(project, file, format, settings);
  const place = state.stopped();
  const paths = new VideoPaths(new VideoLibrary(project), file, settings.videoRoot);
  const rows: ImportPreview['rows'] = [];
  if (choice.missing.length === 0)
    try {
      for await (const item of format.read(new TextFile(file).pieces(), { mapping })) {
        rows.push(previewRow(item, paths));
        if (rows.length >= PREVIEW_ROWS) break;
      }
    } catch (error) {
      throw asUserError(error, file);
    }
  return {
    path: file,
    format: format.id,
    reason,
    ...choice,
    stopped: place && { rows: place.counts.rows, fraction: place.byte / size },
    changed: state.changed,
    rows,
  };
}

async function importState(
  project: OpenProject,
  file: string,
  format: FormatReader,
  { videoRoot, mapping }: ImportSettings,
): Promise<ImportState> {
  const identity = await fileIdentity(file, await stat(file));
  const chosen = Object.entries(mapping ?? {}).sort();
  const settings = { format: format.id, videoRoot: videoRoot && path.resolve(videoRoot), chosen };
  return new ImportState(project, path.resolve(file), identity, settings);
}

/** Why a row could not be used, with its number in the list where its line alone does not find it. */
const placed = ({ nth }: ReadRow, reason: string): string =>
  nth === undefined ? reason : `row ${nth.toLocaleString('en')} of the list: ${reason}`;

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
      error: placed(item, item.error),
    };
  const { video, question, chosen, rejected } = item.row;
  const found = paths.resolve(video);
  const short = (text: string): string =>
    text.length > PREVIEW_TEXT ? `${text.slice(0, PREVIEW_TEXT).toWellFormed()}…` : text;
  return {
    line,
    video,
    videoFound: found.exists || found.known !== null,
    question: short(question),
    chosen: short(chosen),
    rejected: rejected === null ? null : short(rejected),
    error: null,
  };
}

/**
 * Imports a file, or the rest of it where an import of it was stopped. Videos that are not in the library yet are added (not probed:
 * the caller sees to {@link VideoLibrary.unprobed}).
 * @throws UserError BAD_INPUT (no known format), DISK_FULL (what was imported before stays), AbortError.
 */
export async function importSamples(project: OpenProject, options: ImportOptions): Promise<ImportReport> {
  const { file, mapping, signal, onProgress } = options;
  const { size } = await expectFile(file);
  const chosen = Object.keys(mapping ?? {}).length > 0;
  const { format, head } = await detectFormat(file, options.format, chosen);
  expectFields(file, format, head, mapping);
  const state = await importState(project, file, format, options);
  const { byte, line, layout, counts, startedAt } = state.begin(options.startOver ?? false);
  const continuedAfter = counts.rows;
  if (byte > 0) options.onContinue?.(byte / size);
  const cursor = layout ? Cursor.at(line, layout) : new Cursor();
  const text = new TextFile(file, byte);
  const importer = new RowImporter(project, options);
  let batch: ReadRow[] = [];
  /** Characters in the batch, and how many a transaction may have to take its time and no more. */
  let load = 0;
  let limit = 20 * ROW_COST;
  let done = byte;
  const flush = (): void => {
    const start = process.threadCpuUsage();
    const take = (): void => {
      importer.begin();
      for (const item of batch) {
        counts.rows++;
        const reason = 'error' in item ? item.error : importer.take(item.row, counts);
        if (reason === null) continue;
        counts.failed++;
        state.addError(item.line, placed(item, reason));
      }
      const at = text.byteOf(cursor.offset);
      if (at === null) return;
      state.save(at, cursor, counts, startedAt);
      done = at;
    };
    // Not waiting for the disk: what a power cut takes away is imported again.
    project.db.transaction(take, { durable: false });
    const { user, system } = process.threadCpuUsage(start);
    const speed = load / Math.max(1, (user + system) / 1000);
    // One slow transaction (others' rows entered the search index as well) is not believed at once.
    limit = Math.min(Math.max(speed * SLICE_MS, limit / 2, ROW_COST), 2 * limit);
    batch = [];
    load = 0;
  };
  // It goes over the whole file again and again, and is to be light.
  project.db.mapped = false;
  try {
    for await (const item of format.read(text.pieces(signal), { cursor, mapping })) {
      batch.push(item);
      load += ROW_COST + ('row' in item ? textLength(item.row) : 0);
      if (load < limit || !cursor.whole) continue;
      flush();
      onProgress?.(done / size, `${counts.rows.toLocaleString('en')} rows`);
      await setImmediate();
      signal?.throwIfAborted();
    }
    flush();
  } catch (error) {
    throw asUserError(error, file);
  } finally {
    project.db.mapped = true;
  }
  const report: ImportReport = {
    imported: counts.imported,
    duplicates: counts.duplicates,
    failed: counts.failed,
    errors: state.errors(LISTED_ERRORS),
    errorsFile: counts.failed > 0 ? await saveErrors(project, file, state) : null,
    missingVideos: importer.missingVideos(startedAt),
    continuedAfter,
  };
  state.forget();
  return report;
}

function textLength({ question, chosen, rejected }: ImportRow): number {
  return question.length + chosen.length + (rejected?.length ?? 0);
}

/** All rows that failed, in a file beside the project's database. */
async function saveErrors(project: OpenProject, imported: string, state: ImportState): Promise<string> {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const file = path.join(project.path, 'imports', `${path.basename(imported)}-${stamp}.errors.csv`);
  await writeFileAtomic(file, state.errorTable());
  return file;
}

/** @throws UserError BAD_INPUT when a needed field has no column or a chosen column is not there */
function expectFields(
  file: string,
  format: FormatReader,
  head: Head,
  mapping: ImportMapping | undefined,
): void {
  const { columns, choosable } = format.fields(head, mapping);
  const names = columns.map((column) => column.name);
  for (const [field, name] of Object.entries(mapping ?? {})) {
    if (!(choosable as string[]).includes(field))
      throw new UserError(
        'BAD_INPUT',
        `import: expected a column for one of ${choosable.join(', ')}, got "${field}", which ${format.name} has in its own place`,
        'Leave this field out.',
      );
    // An object's keys may differ from row to row: only a table's header is certain.
    if (name !== '' && !names.includes(name) && (format.id === 'csv' || format.id === 'tsv'))
      throw new UserError(
        'BAD_INPUT',
        `import: expected a column of ${file} for the field "${field}", got "${name}"; it has ${names.map((n) => `"${n}"`).join(', ')}`,
        'Choose one of its columns.',
      );
  }
}

/** Puts rows into the project, inside the caller's transaction. */
class RowImporter {
  /** Ids of videos that have no file. */
  readonly #missing = new Set<string>();
  readonly #videos: VideoLibrary;
  readonly #samples: SampleLibrary;
  readonly #paths: VideoPaths;
  readonly #source: string;
  readonly #folder: string;
  readonly #addPair: ImportOptions['addPair'];
  readonly #seen = new Map<string, string>();
  readonly #stated = new Map<string, string>();

  constructor(project: OpenProject, options: ImportOptions) {
    this.#videos = new VideoLibrary(project);
    this.#samples = new SampleLibrary(project);
    this.#paths = new VideoPaths(this.#videos, options.file, options.videoRoot);
    this.#source = path.basename(options.file);
    this.#folder = path.dirname(path.resolve(options.file));
    this.#addPair = options.addPair;
  }

  /** A transaction begins: others may have added videos since the last one. */
  begin(): void {
    this.#videos.recount();
  }

  /** Videos without a file: of this run, and those that an earlier run of this import added. */
  missingVideos(startedAt: number): number {
    return this.#videos.countMissing(this.#missing, startedAt);
  }

  /** Null when the row is in, otherwise why it is not; then it has changed nothing. */
  take(row: ImportRow, counts: Counts): string | null {
    const videoId = this.#video(row.video);
    if (row.split && this.#stated.get(videoId) !== row.split) {
      const conflict = this.#videos.stateSplit(videoId, row.split);
      if (conflict) return conflict;
      this.#stated.set(videoId, row.split);
    }
    if (this.#insert(row, videoId)) counts.imported++;
    else counts.duplicates++;
    return null;
  }

  /** The row's video, added when it is new. */
  #video(written: string): string {
    const seen = this.#seen.get(written);
    if (seen !== undefined) return seen;
    const found = this.#paths.resolve(written);
    const videoId = found.known ?? this.#videos.addReferenced(found.file, found.exists);
    if (!found.exists && found.known === null) this.#missing.add(videoId);
    if (this.#seen.size >= 100_000) this.#seen.clear();
    this.#seen.set(written, videoId);
    return videoId;
  }

  #insert(given: ImportRow, videoId: string): boolean {
    const row = { ...given, extra: this.#withPath(given) };
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
    return this.#addPair(id, { ...row, rejected }, isNew) || isNew;
  }

  /** The path as written, where an export beside the file would write another one for the same video. */
  #withPath({ video, extra }: ImportRow): ImportRow['extra'] {
    const { file, exists, known } = this.#paths.resolve(video);
    if (known !== null || (!exists && path.isAbsolute(video))) return extra;
    return exportedPath(this.#folder, file) === video ? extra : { ...extra, video };
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
  if (!info.isFile())
    throw new UserError(
      'BAD_INPUT',
      `import: expected a file with questions and answers, got ${file}, which is none`,
      'Choose a JSON, JSONL, CSV or TSV file.',
    );
  try {
    await (await open(file, 'r')).close();
  } catch (error) {
    throw new UserError(
      'UNAVAILABLE',
      `import: expected a file that can be read, got ${error instanceof Error ? error.message : String(error)}`,
      'Give yourself permission to read the file, or copy it to where you have it.',
      { cause: error },
    );
  }
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
