/** @file Pairs: saving, conflicts, marks, undo across restarts, queues, and what training gets. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pair, Phrase } from '../contract/schemas.ts';
import { VideoLibrary } from '../library/videos.ts';
import { openProject, type OpenProject } from '../project/project.ts';
import { PairService } from './pairs.ts';
import { temporaryProject } from '../project/testing.ts';
import { seedPair } from './testing.ts';

let project: OpenProject;
let dispose: () => void;
beforeEach(async () => {
  ({ project, dispose } = await temporaryProject());
});
afterEach(() => dispose());

const edit = (pair: Pair, change: Partial<Pick<Pair, 'chosen' | 'rejected' | 'phrases'>>) => ({
  pairId: pair.id,
  baseVersion: pair.version,
  chosen: pair.chosen,
  rejected: pair.rejected,
  phrases: pair.phrases,
  ...change,
});
const withCode = (code: string): unknown => expect.objectContaining({ code });

test('a candidate comes with proposed phrases, and is taken once', () => {
  const { pairId, sampleId, pairs } = seedPair(project);
  const pair = pairs.get(pairId);
  expect(pair).toMatchObject({ status: 'pending', version: 1, phraseCount: 1, lints: [], canUndo: false });
  expect(pair.phrases).toEqual([
    {
      id: 'd-6-6',
      number: 1,
      origin: 'proposed',
      chosen: { start: 28, end: 32, quote: 'left' },
      rejected: { start: 28, end: 33, quote: 'right' },
    },
  ]);
  const again = pairs.addCandidate({ sampleId, rejected: pair.rejected, provenance: pair.provenance });
  expect(again).toEqual({ id: pairId, isNew: false });
  expect(pairs.create(sampleId, 'The red circle jumps.').provenance.kind).toBe('written');
  expect(pairs.counts()).toEqual({ pending: 2, accepted: 0, rejected: 0, second_look: 0 });
});

test('save grows the version once per change and refuses an old base', () => {
  const { pairId, pairs } = seedPair(project);
  const first = pairs.get(pairId);
  const saved = pairs.save(edit(first, { rejected: 'The red circle moves up.', phrases: [] }));
  expect(saved).toMatchObject({ version: 2, rejected: 'The red circle moves up.', canUndo: true });
  expect(pairs.save(edit(saved, {})).version).toBe(2);
  expect(() => pairs.save(edit(first, { rejected: 'other' }))).toThrow(withCode('CONFLICT'));
  expect(pairs.get(pairId)).toEqual(saved);
  expect(() => pairs.get('p-unknown')).toThrow(withCode('NOT_FOUND'));
});

test('a mark that lost its text is flagged and kept', () => {
  const { pairId, pairs } = seedPair(project);
  const first = pairs.get(pairId);
  const saved = pairs.save(edit(first, { rejected: 'Nothing moves.' }));
  expect(saved.phrases).toEqual(first.phrases);
  expect(saved.lints.map((l) => `${l.severity} ${l.code}`)).toEqual([
    'error lost-mark',
    'warning length-gap',
  ]);
  expect(saved.lints[0].message).toBe(
    'Phrase 1 lost its mark in the non-preferred answer: [28, 33) is outside the answer.',
  );
  expect(pairs.list({ lint: 'lost-mark' }, { offset: 0, limit: 10 }).total).toBe(1);
  // A quote that does not belong to its span is caught, too, in code points.
  const goose: Phrase = { ...first.phrases[0], chosen: null, rejected: { start: 1, end: 2, quote: 'a' } };
  const emoji = pairs.save(edit(saved, { rejected: '🦢a', phrases: [goose] }));
  expect(emoji.lints.some((l) => l.code === 'lost-mark')).toBe(false);
  const wrong = { ...goose, rejected: { start: 0, end: 1, quote: 'a' } };
  expect(pairs.save(edit(emoji, { phrases: [wrong] })).lints[0].message).toBe(
    'Phrase 1 lost its mark in the non-preferred answer: it was "a" and now covers "🦢".',
  );
});

test('a full disk refuses the save, and the pair is what it was', () => {
  const { pairId, pairs } = seedPair(project);
  const first = pairs.get(pairId);
  project.db.exec('PRAGMA max_page_count = 1'); // SQLite takes the present size when this is smaller
  expect(() => pairs.save(edit(first, { rejected: 'x'.repeat(500_000) }))).toThrow(withCode('DISK_FULL'));
  expect(pairs.get(pairId)).toEqual(first);
  expect(pairs.history(pairId)).toHaveLength(1);
  project.db.exec('PRAGMA max_page_count = 1000000');
  expect(pairs.save(edit(first, { rejected: 'It fits now.' })).version).toBe(2);
  expect(() => pairs.save({ ...edit(pairs.get(pairId), { rejected: 'half \ud83e' }) })).toThrow(
    'half a character',
  );
});

test('undo and redo go across text, marks and status, and survive a restart', async () => {
  const { pairId, pairs } = seedPair(project);
  const states: Pair[] = [pairs.get(pairId)];
  states.push(pairs.save(edit(states[0], { chosen: 'The red circle moves to the left side.' })));
  states.push(pairs.save(edit(states[1], { phrases: [] })));
  pairs.setStatus([pairId], 'accepted');
  states.push(pairs.get(pairId));
  const content = (p: Pair): unknown => [p.chosen, p.rejected, p.phrases, p.status];

  const path = project.path;
  project.close();
  const reopened = await openProject(path);
  const service = new PairService(reopened);
  for (const k of [2, 1, 0]) expect(content(service.undo(pairId))).toEqual(content(states[k]));
  expect(() => service.undo(pairId)).toThrow('expected something to undo');
  expect(service.get(pairId)).toMatchObject({ canUndo: false, canRedo: true, version: 7 });
  reopened.close();

  const third = await openProject(path);
  const last = new PairService(third);
  for (const k of [1, 2]) expect(content(last.redo(pairId))).toEqual(content(states[k]));
  // A new edit drops what could have been redone.
  last.save(edit(last.get(pairId), { rejected: 'else' }));
  expect(() => last.redo(pairId)).toThrow('expected something to redo');
  expect(content(last.undo(pairId))).toEqual(content(states[2]));
  expect(last.history(pairId).map((h) => [h.action, h.version, h.summary])).toEqual([
    ['created', 1, 'imported'],
    ['text', 2, 'preferred answer'],
    ['phrases', 3, '0 phrases'],
    ['status', 4, 'pending -> accepted'],
    ['undo', 5, 'pending -> accepted'],
    ['undo', 6, '0 phrases'],
    ['undo', 7, 'preferred answer'],
    ['redo', 8, 'preferred answer'],
    ['redo', 9, '0 phrases'],
    ['text', 10, 'non-preferred answer'],
    ['undo', 11, 'non-preferred answer'],
  ]);
  third.close();
});

test('history names the reviewer of the moment', async () => {
  const { pairId, pairs } = seedPair(project);
  await project.setReviewer('Ada');
  pairs.setStatus([pairId], 'second_look');
  await project.setReviewer('Ben');
  pairs.setStatus([pairId], 'pending');
  expect(pairs.history(pairId).map((h) => h.reviewer)).toEqual([expect.any(String), 'Ada', 'Ben']);
});

test('status changes are all or none, and tell once per changed pair', () => {
  const told: string[] = [];
  const { pairId, sampleId } = seedPair(project);
  const pairs = new PairService(project, (id, version) => told.push(`${id === pairId} ${version}`));
  expect(() => pairs.setStatus([pairId, 'p-unknown'], 'accepted')).toThrow(withCode('NOT_FOUND'));
  expect(pairs.get(pairId).status).toBe('pending');
  const other = pairs.create(sampleId, 'The red circle stays.');
  pairs.setStatus([pairId], 'accepted');
  pairs.setStatus([pairId, other.id], 'accepted');
  expect(told).toEqual(['false 1', 'true 2', 'false 2']);
  expect(pairs.counts().accepted).toBe(2);
});

test('filters, search and paging', () => {
  const { pairs, sampleId } = seedPair(project);
  seedPair(project, {
    video: 'held.mp4',
    split: 'heldout',
    question: 'Où est le carré?',
    chosen: 'À gauche',
    rejected: 'À droite',
  });
  for (let i = 0; i < 30; i++) pairs.create(sampleId, `The red circle moves ${i} times.`);
  const page = { offset: 0, limit: 10 };
  const ask = (filter: Parameters<PairService['list']>[0]): number => pairs.list(filter, page).total;
  expect(pairs.list({}, page)).toMatchObject({ total: 32 });
  expect(pairs.list({}, { offset: 30, limit: 10 }).rows).toHaveLength(2);
  expect(ask({ text: 'carre droite' })).toBe(1); // accents and order do not matter
  expect(ask({ text: 'CIRCLE' })).toBe(31);
  expect(ask({ text: '17 times' })).toBe(1);
  expect(ask({ text: '"' })).toBe(0);
  expect(ask({ split: 'heldout' })).toBe(1);
  expect(ask({ lint: 'heldout-leak' })).toBe(1);
  expect(ask({ status: 'accepted' })).toBe(0);
  expect(ask({ type: 'open_ended', status: 'pending' })).toBe(32);
});

test('the search follows edits', () => {
  const { pairId, pairs } = seedPair(project);
  pairs.save(edit(pairs.get(pairId), { rejected: 'A zebra appears.' }));
  const total = (text: string): number => pairs.list({ text }, { offset: 0, limit: 1 }).total;
  expect([total('zebra'), total('right')]).toEqual([1, 0]);
});

test('training gets exactly what was accepted, with its version, and says what it leaves out', () => {
  const { pairId, pairs, sampleId, videoId } = seedPair(project);
  const rejectedOne = pairs.create(sampleId, 'The red circle moves up to the sky.');
  const unmarked = pairs.create(sampleId, 'The blue square moves to the left.');
  const held = seedPair(project, { video: 'held.mp4', split: 'heldout' });
  pairs.save(edit(pairs.get(unmarked.id), { phrases: [] }));
  const mine = pairs.save(
    edit(pairs.get(pairId), {
      rejected: 'The red circle moves to the top.',
      phrases: [
        {
          id: 'x',
          number: 1,
          origin: 'person',
          chosen: { start: 28, end: 32, quote: 'left' },
          rejected: { start: 28, end: 31, quote: 'top' },
        },
      ],
    }),
  );
  pairs.setStatus([pairId, unmarked.id, held.pairId], 'accepted');
  pairs.setStatus([rejectedOne.id], 'rejected');
  const accepted = pairs.accepted();
  expect(accepted.pairs).toEqual([
    {
      id: pairId,
      version: mine.version + 1,
      sampleId,
      videoId,
      question: 'What does the circle do?',
      type: 'open_ended',
      chosen: mine.chosen,
      rejected: 'The red circle moves to the top.',
      phrases: mine.phrases,
    },
  ]);
  expect(accepted.excluded).toEqual([
    {
      pairId: unmarked.id,
      version: 3,
      reason: 'No phrase is marked: there is nothing for the loss to reward.',
    },
    {
      pairId: held.pairId,
      version: 2,
      reason: 'Its video is held out for comparison: the pair is never trained on.',
    },
  ]);
  // Together they are the accepted queue, nothing more and nothing less.
  const queue = [...pairs.all('accepted')].map((p) => p.id).sort();
  expect([...accepted.pairs.map((p) => p.id), ...accepted.excluded.map((e) => e.pairId)].sort()).toEqual(
    queue,
  );
  new VideoLibrary(project).storeBroken(videoId, { code: 'NOT_FOUND', message: 'gone', hint: '' });
  expect(pairs.accepted().excluded[0].reason).toBe('Its video clip.mp4 is missing: see it in the Library.');
});
