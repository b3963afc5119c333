/** @file Routes about videos and samples: adding, importing, listing, and the frames the model is given. */
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { importSamples, previewImport } from '../library/import.ts';
import { SampleLibrary } from '../library/samples.ts';
import { scanForVideos } from '../library/scan.ts';
import { VideoLibrary } from '../library/videos.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { PairService } from '../pairs/pairs.ts';
import { modelFrames } from './model-eye.ts';
import type { Implementer } from './router.ts';
import { copyVideos, locateVideo, searchMissing } from './video-files.ts';
import { lookAgain, probeVideos, retryVideos } from './video-jobs.ts';
import type { Workbench } from './workbench.ts';

/** Milliseconds between two looks at which files are there: a look costs one system call per video. */
const REFRESH_EVERY = 5000;

export function libraryRoutes(os: Implementer, workbench: Workbench) {
  const videos = (): VideoLibrary => new VideoLibrary(workbench.requireProject());
  const samples = (): SampleLibrary => new SampleLibrary(workbench.requireProject());
  let refreshedAt = -Infinity;
  return {
    videos: os.library.videos.handler(() => {
      if (performance.now() - refreshedAt > REFRESH_EVERY) {
        probeVideos(workbench, videos().refresh().toProbe);
        refreshedAt = performance.now();
      }
      return videos().list();
    }),
    video: os.library.video.handler(({ input }) => {
      lookAgain(workbench, input.videoId);
      return videos().get(input.videoId);
    }),
    addVideos: os.library.addVideos.handler(async ({ input, signal }) => {
      const { toProbe, ...counts } = await videos().add(await scanForVideos(input.paths), signal);
      const job = probeVideos(workbench, toProbe);
      workbench.hub.emit({ type: 'library' });
      return { ...counts, job };
    }),
    copyVideos: os.library.copyVideos.handler(({ input }) => copyVideos(workbench, input.paths)),
    retryVideos: os.library.retryVideos.handler(({ input }) => retryVideos(workbench, input.videoIds)),
    locateVideo: os.library.locateVideo.handler(({ input }) =>
      locateVideo(workbench, input.videoId, input.path, input.replace),
    ),
    removeVideo: os.library.removeVideo.handler(({ input }) => {
      videos().remove(input.videoId);
      workbench.hub.emit({ type: 'library' });
    }),
    searchMissing: os.library.searchMissing.handler(({ input }) => searchMissing(workbench, input.folder)),
    samples: os.library.samples.handler(({ input: { filter, sort, ...page } }) =>
      samples().list(filter, page, sort),
    ),
    previewImport: os.library.previewImport.handler(({ input }) =>
      previewImport(workbench.requireProject(), input.path, input),
    ),
    runImport: os.library.runImport.handler(({ input }) => {
      const project = workbench.requireProject();
      const pairs = new PairService(project);
      return workbench.jobs.enqueue({
        kind: 'import',
        title: `Importing ${path.basename(input.path)}`,
        lane: 'shell',
        run: async ({ signal, progress, continuing }) => {
          try {
            return await importSamples(project, {
              ...input,
              file: input.path,
              signal,
              onContinue: continuing,
              onProgress: progress,
              addPair: (sampleId, row, isNew) => pairs.addImported(sampleId, row, isNew),
            });
          } finally {
            // Also after a cancel: what is in is in.
            workbench.hub.emit({ type: 'library' });
            if (!signal.aborted) probeVideos(workbench, new VideoLibrary(project).unprobed());
          }
        },
        result: (report) => report,
      }).job;
    }),
    saveImportErrors: os.library.saveImportErrors.handler(async ({ input }) => {
      const name = path.basename(input.errorsFile);
      // Only lists of this project: the window names one, it does not choose files to read.
      const list = path.join(workbench.requireProject().path, 'imports', name);
      await writeFileAtomic(input.path, createReadStream(list));
      return { path: input.path };
    }),
    modelFrames: os.library.modelFrames.handler(({ input }) =>
      modelFrames(workbench.requireProject(), input.videoId, input.frames),
    ),
  };
}
