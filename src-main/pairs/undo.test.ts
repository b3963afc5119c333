/** @file One order of undo for text, marks and status: random edits, steps back and forth, pauses, and a clock that jumps. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Pair, Phrase } from '../contract/schemas.ts';
import { codePointLength, sliceCodePoints } from '../contract/text.ts';
import type { OpenProject } from '../project/project.ts';
import { TYPING_PAUSE } from './journal.ts';
import { temporaryProject } from '../project/testing.ts';
import { seedPair } from './testing.ts';

let project: OpenProject;
let dispose: () => void;
beforeEach(async () => {
  ({ project, dispose } = await temporaryProject());
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  dispose();
});

const content = (p: Pair): unknown => ({
  chosen: p.chosen,
  rejected: p.rejected,
  phrases: p.phrases,
  status: p.status,
});

test('typing without a pause is one step; a pause, a mark or the other answer begins a new one', () => {
  const { pairId, pairs } = seedPair(project);
  const start = pairs.get(pairId);
  let now = Date.now();
  const save = (change: Partial<Pair>, after: number): Pair => {
    vi.setSystemTime((now += after));
    const { version, chosen, rejected, phrases } = pairs.get(pairId);
    return pairs.save({ pairId, baseVersion: version, chosen, rejected, phrases, ...change });
  };
  for (const text of ['a', 'ab', 'abc']) save({ rejected: text, phrases: [] }, 100);
  save({ rejected: 'abc d' }, TYPING_PAUSE);
  const paused = save({ rejected: 'abc de' }, TYPING_PAUSE - 1);
  const marked = save(
    {
      phrases: [
        {
          id: 'x',
          number: 1,
          origin: 'person',
          chosen: null,
          rejected: { start: 0, end: 3, quote: 'abc' },
          kind: 'count',
        },
      ],
    },
    50,
  );
  const other = save({ chosen: 'Z' }, 50);
  // The clock is set back by an hour in the middle of typing.
  const jumped = save({ chosen: 'Zz' }, -3_600_000);

  expect(content(pairs.undo(pairId))).toEqual(content(other));
  expect(content(pairs.undo(pairId))).toEqual(content(marked));
  expect(marked.phrases[0].kind).toBe('count');
  expect(content(pairs.undo(pairId))).toEqual(content(paused));
  expect(pairs.undo(pairId).rejected).toBe('abc');
  // 'a' also took the phrases away, so it is a step of its own.
  expect(pairs.undo(pairId).rejected).toBe('a');
  expect(content(pairs.undo(pairId))).toEqual(content(start));
  expect(() => pairs.undo(pairId)).toThrow('something to undo');
  const redone: Pair[] = [];
  while (pairs.get(pairId).canRedo) redone.push(pairs.redo(pairId));
  expect(redone.map((p) => p.rejected)).toEqual(['a', 'abc', 'abc de', 'abc de', 'abc de', 'abc de']);
  expect(content(redone.at(-1)!)).toEqual(content(jumped));
});

const piece = fc.constantFrom(
  'red',
  ' ',
  'e\u0301',
  '👩‍👩‍👧‍👦',
  '🇩🇪',
  'שלום',
  '赤い球',
  '\r\n',
  '\t',
  '\0',
  '<b>',
  '𝒳',
  '\u202e',
);
const text = fc.array(piece, { maxLength: 6 }).map((list) => list.join(''));
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('type' as const),
      side: fc.constantFrom('chosen' as const, 'rejected' as const),
      text,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('mark' as const), from: fc.nat(100), to: fc.nat(100) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('status' as const),
      status: fc.constantFrom(
        'pending' as const,
        'accepted' as const,
        'rejected' as const,
        'second_look' as const,
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('undo' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('redo' as const) }) },
);

test('whatever is done, undo and redo visit exactly the states that were there', () => {
  let name = 0;
  let steps = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(action, fc.constantFrom(40, 40, 900)), { minLength: 1, maxLength: 20, size: 'max' }),
      (actions) => {
        const { pairId, pairs } = seedPair(project, { rejected: `answer ${name++}` });
        /** Every state on the way that is in force, and where on it the pair stands. */
        let timeline = [content(pairs.get(pairId))];
        let here = 0;
        let now = Date.now();
        for (const [what, pause] of actions) {
          vi.setSystemTime((now += pause));
          const before = pairs.get(pairId);
          const { version, chosen, rejected, phrases } = before;
          const input = { pairId, baseVersion: version, chosen, rejected, phrases };
          let after: Pair;
          if (what.do === 'undo' || what.do === 'redo') {
            const possible = what.do === 'undo' ? here > 0 : here < timeline.length - 1;
            expect(what.do === 'undo' ? before.canUndo : before.canRedo).toBe(possible);
            if (!possible) continue;
            after = pairs[what.do](pairId);
            steps++;
            // One state back or forth, or further where typing is taken as one; never one that was not there.
            const candidates =
              what.do === 'undo' ? timeline.slice(0, here).reverse() : timeline.slice(here + 1);
            const jump = candidates.findIndex(
              (state) => JSON.stringify(state) === JSON.stringify(content(after)),
            );
            expect(jump).toBeGreaterThanOrEqual(0);
            here += what.do === 'undo' ? -(jump + 1) : jump + 1;
            continue;
          }
          if (what.do === 'type')
            after = pairs.save({ ...input, [what.side]: before[what.side] + what.text });
          else if (what.do === 'status') {
            pairs.setStatus([pairId], what.status);
            after = pairs.get(pairId);
          } else {
            const length = codePointLength(rejected);
            const [start, end] = [what.from % (length + 1), what.to % (length + 1)].sort((a, b) => a - b);
            const phrase: Phrase = {
              id: `m${now}`,
              number: phrases.length + 1,
              origin: 'person',
              chosen: null,
              rejected: { start, end, quote: sliceCodePoints(rejected, start, end) },
            };
            after = pairs.save({ ...input, phrases: [...phrases, phrase] });
          }
          if (after.version === version) continue; // nothing was changed
          timeline = [...timeline.slice(0, here + 1), content(after)];
          here++;
          // What was typed comes back from the disk as it was, NUL and bidirectional controls included.
          if (what.do === 'type') expect(after[what.side]).toBe(before[what.side] + what.text);
        }
        while (pairs.get(pairId).canUndo) pairs.undo(pairId);
        expect(content(pairs.get(pairId))).toEqual(timeline[0]);
        while (pairs.get(pairId).canRedo) pairs.redo(pairId);
        expect(content(pairs.get(pairId))).toEqual(timeline.at(-1));
      },
    ),
    { numRuns: 60 },
  );
  expect(steps).toBeGreaterThan(60);
});

test('a pair with twenty thousand edits is saved as quickly as one with a few', () => {
  const { pairId, pairs } = seedPair(project);
  /** Median of 50 saves, microseconds of processor time. */
  const took = (): number => {
    let pair = pairs.get(pairId);
    const times = Array.from({ length: 50 }, (_, i) => {
      const before = process.threadCpuUsage();
      const { version: baseVersion, chosen } = pair;
      pair = pairs.save({ pairId, baseVersion, chosen, rejected: `Edit ${i}.`, phrases: [] });
      const { user, system } = process.threadCpuUsage(before);
      return user + system;
    });
    return times.sort((a, b) => a - b)[25];
  };
  took();
  const few = took();
  project.db.exec(`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO journal (pair_id, version, at, reviewer, action, summary, before, after, undo)
      SELECT pair_id, version, at, reviewer, action, summary, before, after, undo
      FROM n, (SELECT * FROM journal ORDER BY seq DESC LIMIT 1)`);
  // Going over all of them at each save takes twenty times as long.
  expect(took()).toBeLessThan(4 * few);
});
