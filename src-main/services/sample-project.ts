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
  await addSample(workbench);
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
