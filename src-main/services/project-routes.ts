/** @file Routes about the project as a whole: create, open, close, its model, its reviewer. */
import type { ProjectInfo, Synonyms } from '../contract/schemas.ts';
import { recentProjects } from '../project/recent.ts';
import { resumeGenerations } from './generation.ts';
import { restoreJudging } from './judging.ts';
import type { Implementer } from './router.ts';
import { restoreRewriting } from './rewriting.ts';
import { openSampleProject } from './sample-project.ts';
import { resumeVideoWork } from './video-jobs.ts';
import type { Workbench } from './workbench.ts';

/** Goes on with what an earlier process left. A command does what it was called for and nothing else. */
function resumeWork(workbench: Workbench): void {
  resumeVideoWork(workbench);
  if (workbench.door === 'cli') return;
  resumeGenerations(workbench);
  restoreJudging(workbench);
  restoreRewriting(workbench);
}

export function projectRoutes(os: Implementer, workbench: Workbench) {
  const announced = (): ProjectInfo => {
    const project = workbench.requireProject().info();
    workbench.hub.emit({ type: 'project', project });
    return project;
  };
  const synonyms = (): Synonyms => workbench.requireProject().synonyms.map((group) => [...group]);
  return {
    current: os.project.current.handler(() => workbench.project?.info() ?? null),
    recent: os.project.recent.handler(() => recentProjects()),
    create: os.project.create.handler(async ({ input }) => {
      await workbench.createProject(input.path, input.name);
      return workbench.requireProject().info();
    }),
    open: os.project.open.handler(async ({ input }) => {
      await workbench.openProject(input.path);
      resumeWork(workbench);
      return workbench.requireProject().info();
    }),
    openSample: os.project.openSample.handler(async () => {
      await openSampleProject(workbench);
      resumeWork(workbench);
      return workbench.requireProject().info();
    }),
    close: os.project.close.handler(() => workbench.closeProject()),
    setModel: os.project.setModel.handler(async ({ input }) => {
      await workbench.requireProject().setModelDir(input.modelDir);
      return announced();
    }),
    setReviewer: os.project.setReviewer.handler(async ({ input }) => {
      await workbench.requireProject().setReviewer(input.reviewer);
      return announced();
    }),
    synonyms: os.project.synonyms.handler(() => synonyms()),
    setSynonyms: os.project.setSynonyms.handler(async ({ input }) => {
      await workbench.requireProject().setSynonyms(input.synonyms);
      return synonyms();
    }),
    setIndependent: os.project.setIndependent.handler(async ({ input }) => {
      await workbench.requireProject().setIndependent(input.independent);
      return announced();
    }),
  };
}
