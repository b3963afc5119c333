/** @file Routes about pairs: queues, edits, undo, history, proposals, and the tokens that are rewarded. */
import { proposePhrases } from '../negatives/differences.ts';
import { PairService } from '../pairs/pairs.ts';
import { requireModelDir } from './engine-requests.ts';
import type { Implementer } from './router.ts';
import { tokenTruth } from './token-truth.ts';
import type { Workbench } from './workbench.ts';

export function pairsRoutes(os: Implementer, workbench: Workbench) {
  const pairs = (): PairService =>
    new PairService(workbench.requireProject(), (pairId, version) =>
      workbench.hub.emit({ type: 'pair', pairId, version }),
    );
  return {
    list: os.pairs.list.handler(({ input: { filter, ...page } }) => pairs().list(filter, page)),
    counts: os.pairs.counts.handler(() => pairs().counts()),
    get: os.pairs.get.handler(({ input }) => pairs().get(input.pairId)),
    save: os.pairs.save.handler(({ input }) => pairs().save(input)),
    setStatus: os.pairs.setStatus.handler(({ input }) => pairs().setStatus(input.pairIds, input.status)),
    undo: os.pairs.undo.handler(({ input }) => pairs().undo(input.pairId)),
    redo: os.pairs.redo.handler(({ input }) => pairs().redo(input.pairId)),
    history: os.pairs.history.handler(({ input }) => pairs().history(input.pairId)),
    propose: os.pairs.propose.handler(({ input }) => proposePhrases(input.chosen, input.rejected)),
    tokens: os.pairs.tokens.handler(({ input }) =>
      tokenTruth(requireModelDir(workbench.requireProject()), input),
    ),
    create: os.pairs.create.handler(({ input }) => pairs().create(input.sampleId, input.rejected)),
  };
}
