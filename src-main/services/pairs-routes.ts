/** @file Routes about pairs: queues, edits, bulk changes, undo, history, reviewers, proposals, and the tokens that are rewarded. */
import type { Job } from '../contract/schemas.ts';
import { exportAgreement } from '../exchange/agreement-export.ts';
import { proposePhrases } from '../negatives/differences.ts';
import { bulkName, lastBulk, runBulk, undoBulk, type BulkContext } from '../pairs/bulk.ts';
import { paceOf } from '../pairs/pace.ts';
import { PairService } from '../pairs/pairs.ts';
import { pairReviews, projectAgreement, projectCutter } from './agreement.ts';
import { awaitedJob } from './awaited-job.ts';
import { requireModelDir } from './engine-requests.ts';
import { lineage } from './lineage.ts';
import type { Implementer } from './router.ts';
import { tokenTruth } from './token-truth.ts';
import type { Workbench } from './workbench.ts';

/** Windows hear of a bulk change at most so often, in milliseconds. */
const TELL_EVERY_MS = 500;

export function pairsRoutes(os: Implementer, workbench: Workbench) {
  const pairs = (): PairService =>
    new PairService(workbench.requireProject(), (pairId, version) =>
      workbench.hub.emit({ type: 'pair', pairId, version }),
    );

  /** A change to many pairs as a job, with the windows told as it goes and at its end. */
  function bulkJob<T>(title: string, work: (context: BulkContext) => Promise<T>): Job {
    let told = performance.now();
    const tell = (): void => {
      told = performance.now();
      workbench.hub.emit({ type: 'pairs' });
    };
    const { job } = workbench.jobs.enqueue({
      kind: 'bulk',
      title,
      lane: 'shell',
      run: async ({ signal, progress }) => {
        try {
          return await work({
            signal,
            onStep: (done, total) => {
              progress(done / total, `${done} of ${total} pairs`);
              if (performance.now() - told > TELL_EVERY_MS) tell();
            },
          });
        } finally {
          tell();
        }
      },
      result: (report) => report,
    });
    return job;
  }

  return {
    list: os.pairs.list.handler(({ input: { filter, ...page } }) => pairs().list(filter, page)),
    counts: os.pairs.counts.handler(() => pairs().counts()),
    facets: os.pairs.facets.handler(({ input }) => pairs().facets(input.status)),
    pace: os.pairs.pace.handler(({ input }) =>
      paceOf(workbench.requireProject(), pairs().counts().pending, input.dayStart),
    ),
    get: os.pairs.get.handler(({ input }) => pairs().get(input.pairId)),
    save: os.pairs.save.handler(({ input }) => pairs().save(input)),
    setStatus: os.pairs.setStatus.handler(({ input }) => pairs().setStatus(input.pairIds, input.status)),
    bulk: os.pairs.bulk.handler(({ input }) => {
      const project = workbench.requireProject();
      const service = new PairService(project);
      return bulkJob(bulkName(input.action), (context) => runBulk(project, service, input, context));
    }),
    undoBulk: os.pairs.undoBulk.handler(({ input }) => {
      const project = workbench.requireProject();
      const service = new PairService(project);
      return bulkJob('Undo of a bulk change', (context) => undoBulk(project, service, input.bulkId, context));
    }),
    lastBulk: os.pairs.lastBulk.handler(() => lastBulk(workbench.requireProject())),
    undo: os.pairs.undo.handler(({ input }) => pairs().undo(input.pairId)),
    redo: os.pairs.redo.handler(({ input }) => pairs().redo(input.pairId)),
    history: os.pairs.history.handler(({ input }) => pairs().history(input.pairId)),
    reviews: os.pairs.reviews.handler(({ input }) =>
      pairReviews(workbench.requireProject(), pairs(), input.pairId),
    ),
    agreement: os.pairs.agreement.handler(({ signal }) => {
      const project = workbench.requireProject();
      return awaitedJob(
        workbench,
        { kind: 'agreement', title: 'Agreement of reviewers' },
        signal,
        (context) => projectAgreement(project, context),
      );
    }),
    exportAgreement: os.pairs.exportAgreement.handler(({ input, signal }) => {
      const project = workbench.requireProject();
      return awaitedJob(
        workbench,
        { kind: 'agreement', title: 'Agreement to a file' },
        signal,
        async (context) => exportAgreement(project, input.path, await projectCutter(project), context),
      );
    }),
    propose: os.pairs.propose.handler(({ input }) => proposePhrases(input.chosen, input.rejected)),
    tokens: os.pairs.tokens.handler(({ input }) =>
      tokenTruth(requireModelDir(workbench.requireProject()), input),
    ),
    create: os.pairs.create.handler(({ input }) => pairs().create(input.sampleId, input.rejected)),
    withdraw: os.pairs.withdraw.handler(({ input }) => {
      pairs().withdraw(input.pairId);
      workbench.hub.emit({ type: 'pairs' });
    }),
    lineage: os.pairs.lineage.handler(({ input }) => lineage(workbench, input.pairId)),
  };
}
