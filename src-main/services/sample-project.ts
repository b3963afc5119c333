/** @file The sample project: the clips, questions and answers that the workbench ships, and the model that gave the answers. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ImportReport } from '../contract/schemas.ts';
import { importSamples } from '../library/import.ts';
import { VideoLibrary } from '../library/videos.ts';
import { PairService } from '../pairs/pairs.ts';
import { resourcesDir } from '../platform/entries.ts';
import { userDataDir } from '../platform/paths.ts';
import { PROJECT_FILE } from '../project/settings.ts';
import { probeVideos } from './video-jobs.ts';
import type { Workbench } from './workbench.ts';

/** Pairs of the sample that wait for the person. */
const LEFT_TO_REVIEW = 12;
/** Who accepted the others. */
const SAMPLE_REVIEWER = 'sample project';
const PAGE = 500;

/** Where the sample project is unpacked. */
export function sampleProjectDir(): string {
  return path.join(userDataDir(), 'sample-project');
}

/** Opens the sample project, making it first where it is not there yet. */
export async function openSampleProject(workbench: Workbench): Promise<void> {
  const folder = sampleProjectDir();
  if (existsSync(path.join(folder, PROJECT_FILE))) await workbench.openProject(folder);
  else await workbench.createProject(folder, 'Sample project');
  // Also when it was there: a first opening that was cut short is completed; rows that are in are not taken twice.
  const report = await addSample(workbench);
  const { accepted, rejected, second_look } = new PairService(workbench.requireProject()).counts();
  if (report.imported > 0 && accepted + rejected + second_look === 0) acceptMost(workbench);
}

/**
 * Accepts the sample's pairs but for the first {@link LEFT_TO_REVIEW}, so that a first run has enough to learn from after a
 * few minutes of review. The preferred answers are true by construction (the clips were drawn from them), so nothing is
 * claimed that nobody checked; the history names {@link SAMPLE_REVIEWER}.
 */
function acceptMost(workbench: Workbench): void {
  const pairs = new PairService(workbench.requireProject(), undefined, SAMPLE_REVIEWER);
  const filter = { status: 'pending', split: 'train' } as const;
  const accepted: string[] = [];
  for (let offset = LEFT_TO_REVIEW; ; offset += PAGE) {
    const { rows } = pairs.list(filter, { offset, limit: PAGE });
    accepted.push(...rows.filter((row) => row.lintCount === 0).map((row) => row.id));
    if (rows.length < PAGE) break;
  }
  if (accepted.length > 0) pairs.setStatus(accepted, 'accepted');
}

/** Puts the sample clips, questions and answers into the open project, and chooses the sample model if it has none. */
export async function addSample(workbench: Workbench): Promise<ImportReport> {
  const project = workbench.requireProject();
  const pairs = new PairService(project);
  const report = await importSamples(project, {
    file: path.join(resourcesDir, 'sample', 'samples.json'),
    format: 'rrpo-json',
    addPair: (sampleId, row) => pairs.addImported(sampleId, row),
  });
  const model = path.join(resourcesDir, 'model');
  if (project.modelDir === null && existsSync(path.join(model, 'config.json')))
    await project.setModelDir(model);
  probeVideos(workbench, new VideoLibrary(project).unprobed());
  workbench.hub.emit({ type: 'project', project: project.info() });
  workbench.hub.emit({ type: 'library' });
  return report;
}
