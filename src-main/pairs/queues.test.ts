/** @file Queues: filters and what they can be set to, their indexes, bulk changes and their undo, pace, and independent reviewers. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PairFilter } from '../contract/schemas.ts';
import { openProject, type OpenProject } from '../project/project.ts';
import { lastBulk, runBulk, undoBulk } from './bulk.ts';
import { decisionsPerHour, paceOf } from './pace.ts';
import { PairService } from './pairs.ts';
import { pairConditions } from './rows.ts';
import { temporaryProject } from '../project/testing.ts';
import { seedPair } from './testing.ts';

let project: OpenProject;
let dispose: () => void;
beforeEach(async () => {
  ({ project, dispose } = await temporaryProject());
});
afterEach(() => dispose());

const PAGE = { offset: 0, limit: 100 };
const withCode = (code: string): unknown => expect.objectContaining({ code });

test('filters by source and reviewer, and the choices with their counts', async () => {
  const { pairs, sampleId, pairId } = seedPair(project);
  const at = 0;
  const add = (rejected: string, provenance: object): string =>
    pairs.addCandidate({
      sampleId,
      rejected,
      provenance: { kind: 'generated', original: rejected, createdAt: at, ...provenance },
    }).id;
  const masked = add('It moves up.', { recipe: [{ op: 'mask' }, { op: 'shuffle' }] });
  add('It moves down.', { recipe: [{ op: 'mask' }, { op: 'shuffle' }] });
  add('It spins.', { kind: 'model-answer' });
  pairs.create(sampleId, 'The red circle moves to the left.');
  await project.setReviewer('Ada');
  pairs.setStatus([masked], 'second_look');
  const total = (filter: PairFilter): number => pairs.list(filter, PAGE).total;
  expect(total({ source: 'import:test' })).toBe(1);
  expect(total({ source: 'recipe:mask+shuffle', status: 'pending' })).toBe(1);
  expect(total({ source: 'compare' })).toBe(1);
  expect(total({ reviewer: 'Ada' })).toBe(1);
  expect(total({ reviewer: 'Ben' })).toBe(0);
  expect(total({ lint: 'identical-answers' })).toBe(1);
  const { sources, lints, reviewers } = pairs.facets();
  expect(sources[0]).toEqual({ source: 'recipe:mask+shuffle', pairs: 2 });
  expect(sources.map((s) => s.source).sort()).toEqual([
    'compare',
    'import:test',
    'recipe:mask+shuffle',
    'written',
  ]);
  expect(lints).toContainEqual({ code: 'identical-answers', pairs: 1 });
  expect(reviewers).toEqual([{ reviewer: 'Ada', pairs: 1 }]);
  expect(pairs.facets('pending').reviewers).toEqual([]);
  expect(pairs.facets('second_look').sources).toEqual([{ source: 'recipe:mask+shuffle', pairs: 1 }]);
  expect(pairs.get(pairId).source).toBe('import:test');
});

test('filters by family of errors and kind of phrase, also after marks changed and were undone', () => {
  const { pairs, sampleId, pairId } = seedPair(project);
  const add = (rejected: string, provenance: object): string =>
    pairs.addCandidate({
      sampleId,
      rejected,
      provenance: { kind: 'generated', original: rejected, createdAt: 0, ...provenance },
    }).id;
  const frozen = add('It moves up.', { recipe: [{ op: 'mask' }, { op: 'freeze' }] });
  const stated = add('A square.', { recipe: [{ op: 'mask' }], family: 'co-occurrence' });
  add('It moves down.', { recipe: [{ op: 'mask' }] });
  add('It spins.', { recipe: [] });
  add('It glows.', { recipe: [{ op: 'melt' }] }); // of another program
  add('It flies.', { kind: 'model-answer', recipe: [{ op: 'mask' }] });
  const ids = (filter: PairFilter): string[] => pairs.list(filter, PAGE).rows.map(({ id }) => id);
  expect(ids({ family: 'language-prior' })).toEqual([frozen]);
  expect(ids({ family: 'co-occurrence', status: 'pending' })).toEqual([stated]);
  expect(ids({ family: 'spatio-temporal' })).toHaveLength(1);
  expect(pairs.get(frozen).family).toBe('language-prior');
  expect(pairs.get(pairId).family).toBeNull();
  expect(
    pairs
      .facets('pending')
      .families.map(({ family, pairs: n }) => [family, n])
      .sort(),
  ).toEqual([
    ['co-occurrence', 1],
    ['language-prior', 1],
    ['spatio-temporal', 1],
  ]);

  expect(pairs.facets().kinds).toEqual([]);
  const { version: baseVersion, chosen, rejected, phrases } = pairs.get(pairId);
  const marked = phrases.map((phrase) => ({ ...phrase, kind: 'direction' as const }));
  pairs.save({ pairId, baseVersion, chosen, rejected, phrases: marked });
  expect(ids({ kind: 'direction' })).toEqual([pairId]);
  expect(ids({ kind: 'object' })).toEqual([]);
  expect(pairs.facets().kinds).toEqual([{ kind: 'direction', pairs: 1 }]);
  pairs.undo(pairId);
  expect(ids({ kind: 'direction' })).toEqual([]);
  pairs.redo(pairId);
  expect(ids({ kind: 'direction', status: 'pending' })).toEqual([pairId]);
});

test('every filter but a search for short words is answered by a narrow index', () => {
  const plan = (filter: PairFilter): string => {
    const where = pairConditions(filter);
    return project.db
      .prepare<{ detail: string }>(`EXPLAIN QUERY PLAN SELECT p.seq FROM pairs p ${where.sql} ORDER BY p.seq`)
      .all(...where.params)
      .map((row) => row.detail)
      .join('; ');
  };
  for (const filter of [
    { status: 'pending' },
    { status: 'pending', type: 'yes_no', source: 'written', videoId: 'v', lint: 'no-phrase', split: 'train' },
    { status: 'pending', family: 'co-occurrence', kind: 'object' },
  ] as PairFilter[]) {
    expect(plan(filter)).toContain('USING COVERING INDEX pairs_queue (status=?)');
    expect(plan(filter)).not.toContain('TEMP B-TREE');
  }
  expect(plan({ lint: 'no-phrase' })).toMatch(/USING COVERING INDEX pairs_(narrow|queue)/);
});

test('a bulk change by filter, with progress, undone as a whole but for what was changed since', async () => {
  const { pairs, sampleId, pairId } = seedPair(project);
  for (let i = 0; i < 250; i++) pairs.create(sampleId, `The red circle moves ${i} times.`);
  const before = [...pairs.all()].map((pair) => [pair.id, pair.status, pair.phrases]);
  const steps: number[] = [];
  const selection = { filter: { status: 'pending' as const }, except: [pairId] };
  const report = await runBulk(
    project,
    pairs,
    { selection, action: { status: 'accepted' } },
    { onStep: (done, total) => steps.push(done / total) },
  );
  expect(report).toMatchObject({ changed: 250, unchanged: 0 });
  expect(steps).toEqual([0.4, 0.8, 1]);
  expect(pairs.counts()).toEqual({ pending: 1, accepted: 250, rejected: 0, second_look: 0 });
  expect(lastBulk(project)).toMatchObject({ id: report.bulkId, changed: 250, summary: 'Accept' });
  // One is decided otherwise afterwards: the undo leaves it alone.
  const changed = pairs.list({ status: 'accepted' }, PAGE).rows[0].id;
  pairs.setStatus([changed], 'rejected');
  // And the whole is there after a restart.
  project.close();
  const again = await openProject(project.path);
  const service = new PairService(again);
  expect(await undoBulk(again, service, report.bulkId)).toEqual({ undone: 249, kept: 0 + 1 });
  expect(service.counts()).toEqual({ pending: 250, accepted: 0, rejected: 1, second_look: 0 });
  expect(service.get(changed).status).toBe('rejected');
  expect(
    [...service.all()].filter((pair) => pair.id !== changed).map((p) => [p.id, p.status, p.phrases]),
  ).toEqual(before.filter(([id]) => id !== changed));
  expect(lastBulk(again)).toBeNull();
  await expect(undoBulk(again, service, 'b-unknown')).rejects.toThrow(withCode('NOT_FOUND'));
  again.close();
});

test('proposals are confirmed in bulk; a cancelled change is what it had reached, and is undone like any', async () => {
  const { pairs, sampleId } = seedPair(project);
  for (let i = 0; i < 299; i++) pairs.create(sampleId, `The red circle moves ${i} times.`);
  const abort = new AbortController();
  const all = { filter: {}, except: [] };
  await expect(
    runBulk(
      project,
      pairs,
      { selection: all, action: 'confirm' },
      { signal: abort.signal, onStep: () => abort.abort() },
    ),
  ).rejects.toThrow(withCode('CANCELLED'));
  const proposed = (): number =>
    [...pairs.all()].filter((pair) => pair.phrases.some((phrase) => phrase.origin === 'proposed')).length;
  expect(proposed()).toBe(200);
  const cut = lastBulk(project)!;
  expect(cut).toMatchObject({ changed: 100, summary: 'Confirm proposals' });
  expect(await undoBulk(project, pairs, cut.id)).toEqual({ undone: 100, kept: 0 });
  expect(proposed()).toBe(300);
  const { changed } = await runBulk(project, pairs, { selection: all, action: 'confirm' });
  expect([changed, proposed()]).toEqual([300, 0]);
});

test('decisions an hour leave pauses out, and a clock that jumps back', () => {
  const minutes = (...list: number[]): number[] => list.map((m) => m * 60_000).sort((a, b) => b - a);
  // Six decisions a minute apart: 60 an hour. An hour's lunch in between does not change that.
  expect(decisionsPerHour(minutes(0, 1, 2, 3, 4, 5))).toBe(60);
  expect(decisionsPerHour(minutes(0, 1, 2, 3, 63, 64, 65))).toBe(60);
  expect(decisionsPerHour(minutes(0, 1, 2, 3, 4))).toBeNull(); // too few to tell
  expect(decisionsPerHour(minutes(0, 0, 0, 0, 0, 0))).toBeNull();
});

test('today counts pairs decided one by one that still are', async () => {
  const { pairs, sampleId, pairId } = seedPair(project);
  const other = pairs.create(sampleId, 'It spins.').id;
  pairs.setStatus([pairId], 'accepted');
  pairs.setStatus([pairId], 'rejected');
  pairs.setStatus([other], 'accepted');
  expect(paceOf(project, 0, 0).today).toBe(2);
  pairs.undo(other);
  expect(paceOf(project, 0, 0).today).toBe(1);
  await runBulk(project, pairs, { selection: { filter: {}, except: [] }, action: { status: 'second_look' } });
  expect(paceOf(project, 0, 0)).toMatchObject({ today: 1, perHour: null, secondsLeft: null });
  expect(paceOf(project, 0, Date.now() + 1).today).toBe(0);
  await project.setReviewer('Ben');
  expect(paceOf(project, 0, 0).today).toBe(0);
});

test('independent reviewers: nobody sees the other before deciding, and nothing is lost', async () => {
  const { pairs, pairId, sampleId } = seedPair(project);
  const other = pairs.create(sampleId, 'It spins.').id;
  const made = pairs.get(pairId);
  await project.setReviewer('Ada');
  const edited = pairs.save({
    pairId,
    baseVersion: 1,
    chosen: made.chosen,
    rejected: 'The red circle moves up.',
    phrases: [],
  });
  pairs.setStatus([pairId], 'accepted');

  await project.setIndependent(true);
  await project.setReviewer('Ben');
  // Ben sees what the machine made of it, in his own queue, with nothing to undo and nobody's history.
  const blind = pairs.get(pairId);
  expect(blind).toMatchObject({ rejected: made.rejected, status: 'pending', canUndo: false, canRedo: false });
  expect(blind.phrases).toEqual(made.phrases);
  expect(pairs.counts()).toEqual({ pending: 2, accepted: 0, rejected: 0, second_look: 0 });
  expect(pairs.list({ status: 'pending' }, PAGE).rows.find((row) => row.id === pairId)).toMatchObject({
    rejected: made.rejected,
    status: 'pending',
  });
  expect(pairs.history(pairId).map((h) => h.action)).toEqual(['created']);
  expect(pairs.reviews(pairId)).toEqual({ hidden: true, reviews: [] });
  expect(() => pairs.undo(pairId)).toThrow(withCode('BAD_INPUT'));

  const mine = pairs.save({
    ...blind,
    pairId,
    baseVersion: blind.version,
    rejected: 'The red circle spins.',
  });
  expect(mine.status).toBe('pending');
  expect(pairs.undo(pairId).rejected).toBe(made.rejected); // to where Ben began, never into Ada's version
  expect(pairs.redo(pairId).rejected).toBe('The red circle spins.');
  expect(pairs.reviews(pairId)).toMatchObject({ hidden: true, reviews: [{ reviewer: 'Ben' }] });

  // Ada comes back to her own version, in the middle of Ben's work; both go on where they were.
  await project.setReviewer('Ada');
  expect(pairs.get(pairId)).toMatchObject({ rejected: edited.rejected, status: 'accepted' });
  const more = pairs.get(pairId);
  pairs.save({ ...more, pairId, baseVersion: more.version, rejected: 'The red circle moves up, too.' });
  await project.setReviewer('Ben');
  expect(pairs.get(pairId)).toMatchObject({ rejected: 'The red circle spins.', status: 'pending' });
  pairs.setStatus([pairId], 'rejected');

  // Now that Ben has decided he sees both.
  const { hidden, reviews } = pairs.reviews(pairId);
  expect(hidden).toBe(false);
  expect(reviews.map((r) => [r.reviewer, r.status, r.rejected])).toEqual([
    ['Ada', 'accepted', 'The red circle moves up, too.'],
    ['Ben', 'rejected', 'The red circle spins.'],
  ]);
  expect(pairs.history(pairId).map((h) => h.reviewer)).toContain('Ada');
  // A pair that only the machine has touched is everybody's.
  expect(pairs.get(other).status).toBe('pending');
});

test('history says what changed, typing in one go as one entry', () => {
  const { pairs, pairId } = seedPair(project);
  let pair = pairs.get(pairId);
  for (const rejected of ['The red circle moves u', 'The red circle moves up', 'The red circle moves up.'])
    pair = pairs.save({ ...pair, pairId, baseVersion: pair.version, rejected });
  pairs.save({ ...pair, pairId, baseVersion: pair.version, phrases: [] });
  pairs.setStatus([pairId], 'accepted');
  pairs.undo(pairId);
  const parts = pairs.history(pairId).map((h) => [h.action, h.saves, h.version, h.changes]);
  expect(parts).toEqual([
    ['created', 1, 1, []],
    [
      'text',
      3,
      4,
      [
        {
          part: 'rejected',
          before: 'The red circle moves to the right.',
          after: 'The red circle moves up.',
        },
      ],
    ],
    ['phrases', 1, 5, [{ part: 'phrases', before: '1: “left” / “right”, proposed', after: '' }]],
    ['status', 1, 6, [{ part: 'status', before: 'pending', after: 'accepted' }]],
    ['undo', 1, 7, [{ part: 'status', before: 'accepted', after: 'pending' }]],
  ]);
});
