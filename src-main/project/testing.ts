/** @file A project in a temporary folder, for the tests of what stands on projects. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createProject, type OpenProject } from './project.ts';

/** A project folder that is deleted by `dispose`. `RRPO_WORKBENCH_HOME` points into it meanwhile. */
export async function temporaryProject(): Promise<{
  project: OpenProject;
  folder: string;
  dispose: () => void;
}> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-test-'));
  const home = process.env.RRPO_WORKBENCH_HOME;
  process.env.RRPO_WORKBENCH_HOME = path.join(folder, 'home');
  const project = await createProject(path.join(folder, 'project'), 'test');
  return {
    project,
    folder,
    dispose: () => {
      project.close();
      if (home === undefined) delete process.env.RRPO_WORKBENCH_HOME;
      else process.env.RRPO_WORKBENCH_HOME = home;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
