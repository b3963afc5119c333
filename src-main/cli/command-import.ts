/** @file `rrpo-workbench import`: videos and samples into a project. */
import path from 'node:path';
import type { ImportFormat, ImportMapping, ImportReport } from '../contract/schemas.ts';
import type { z } from 'zod';
import { VideoLibrary } from '../library/videos.ts';
import { fromPlainError } from '../platform/errors.ts';
import type { PlainError } from '../platform/errors.ts';
import type { CommonOptions, Session } from './session.ts';

export type ImportOptions = CommonOptions & {
  format?: z.infer<typeof ImportFormat>;
  videoRoot?: string;
  map?: ImportMapping;
  startOver?: boolean;
  copy?: boolean;
  findMissing?: boolean;
};

/** Of bad rows and of videos with errors, so many are printed; all of them are in the file of bad rows and in `--json`. */
const TOLD = 10;

const SAMPLE_FILES = ['.json', '.jsonl', '.ndjson', '.csv', '.tsv'];

/** Files of samples by their extension; everything else is a video or a folder of videos. */
export function isSampleFile(file: string): boolean {
  return SAMPLE_FILES.includes(path.extname(file).toLowerCase());
}

export async function importCommand(
  session: Session,
  [folder, ...given]: string[],
  options: ImportOptions,
): Promise<void> {
  const { client, output, follow, workbench } = session;
  await client.project.open({ path: path.resolve(folder) });
  const paths = given.map((p) => path.resolve(p));
  const videos = paths.filter((p) => !isSampleFile(p));
  const lines: string[] = [];
  const began = Date.now();
  let added = null;
  if (options.findMissing) {
    const report = { found: 0, missing: 0 };
    for (const where of paths) {
      const { found, missing } = (await follow(
        await client.library.searchMissing({ folder: where }),
      )) as typeof report;
      report.found += found;
      report.missing = missing;
    }
    await workbench.jobs.idle();
    return output.result(report, `${report.found} found again, ${report.missing} still missing`);
  }
  if (videos.length > 0) {
    const counts = options.copy ? await copied(session, videos) : await referenced(session, videos);
    added = counts;
    lines.push(
      `Videos: ${counts.added} added, ${counts.duplicates} there already, ${counts.found} found again`,
    );
  }
  const reports: (ImportReport & { path: string })[] = [];
  for (const file of paths.filter(isSampleFile)) {
    const job = await client.library.runImport({
      path: file,
      format: options.format,
      videoRoot: options.videoRoot === undefined ? undefined : path.resolve(options.videoRoot),
      mapping: options.map,
      startOver: options.startOver,
    });
    const report = (await follow(job)) as ImportReport;
    reports.push({ path: file, ...report });
    lines.push(
      `${path.basename(file)}: ${report.imported} samples imported, ${report.duplicates} there already, ${report.failed} bad rows`,
    );
    if (report.continuedAfter > 0)
      lines.push(`  (it went on after ${report.continuedAfter} rows of an import that was stopped)`);
    for (const { line, reason } of report.errors.slice(0, TOLD)) lines.push(`  line ${line}: ${reason}`);
    if (report.errorsFile !== null) lines.push(`  all bad rows: ${report.errorsFile}`);
  }
  // Videos that rows name are probed in the background: a command ends when that is done.
  await workbench.jobs.idle();
  const errors = new VideoLibrary(workbench.requireProject())
    .list()
    .flatMap(({ path: file, state, findings }) =>
      findings
        .filter(({ severity }) => severity === 'error')
        .map(({ message }) => ({ path: file, state, reason: message })),
    );
  if (errors.length > 0) lines.push(`Videos of the project with errors: ${errors.length}`);
  for (const { path: file, reason } of errors.slice(0, TOLD)) lines.push(`  ${file}: ${reason}`);
  if (errors.length > TOLD) lines.push('  all of them: --json');
  const failed = workbench.jobs.list().find(({ state, endedAt }) => state === 'failed' && endedAt! >= began);
  if (failed?.error) {
    if (lines.length > 0) output.note(lines.join('\n'));
    throw fromPlainError(failed.error as PlainError);
  }
  output.result({ videos: added, samples: reports, errors }, lines.join('\n'));
}

type Counts = { added: number; duplicates: number; found: number };

async function referenced({ client, follow }: Session, paths: string[]): Promise<Counts> {
  const { job, ...counts } = await client.library.addVideos({ paths });
  if (job !== null) await follow(job);
  return counts;
}

async function copied({ client, follow }: Session, paths: string[]): Promise<Counts> {
  return (await follow(await client.library.copyVideos({ paths }))) as Counts;
}
