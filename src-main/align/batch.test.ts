/** @file Rows with a shared prompt and in two rows: positions, labels, rewards, masks, padding. */
import { describe, expect, it } from 'vitest';
import { fillMask, layOut, MASKED, type EncodedPair } from './batch.ts';

// prompt p0..p3; chosen c0 c1 end "\n"; rejected r0 end "\n". Phrase on c1 and on r0.
const pair: EncodedPair = {
  id: 'a',
  prompt: [10, 11, 12, 13],
  promptLabels: [2, 3],
  chosen: { ids: [20, 21, 2, 5], responseLength: 3, phraseOf: [0, 1, 0, 0] },
  rejected: { ids: [30, 2, 5], responseLength: 2, phraseOf: [1, 0, 0] },
};
const rrpo = { objective: 'rrpo', klScope: 'response', prefixSharing: true } as const;
const tight = { length: 1, labels: 1 };

describe('layOut with prefix sharing', () => {
  const layout = layOut(pair, rrpo, tight);

  it('is one row whose positions restart after the prompt', () => {
    expect([...layout.ids]).toEqual([10, 11, 12, 13, 20, 21, 30]); // the end tokens predict nothing
    expect([...layout.positions]).toEqual([0, 1, 2, 3, 4, 5, 4]);
    expect([...layout.segments]).toEqual([0, 0, 0, 0, 1, 1, 2]);
    expect(layout.tokens).toBe(7);
  });

  it('gathers the position before each label', () => {
    expect([...layout.chosen.gather]).toEqual([3, 4, 5]);
    expect([...layout.chosen.labels]).toEqual([20, 21, 2]);
    expect([...layout.chosen.rewarded]).toEqual([0, 1, 0]);
    expect([...layout.chosen.labelled]).toEqual([1, 1, 1]);
    expect([...layout.rejected.gather]).toEqual([3, 6]);
    expect([...layout.rejected.labels]).toEqual([30, 2]);
    expect([...layout.rejected.rewarded]).toEqual([1, 0]);
    expect(layout.chosen.counts).toEqual({ used: 3, rewarded: 1, marked: 1, labelled: 3 });
  });

  it('hides the answers from each other', () => {
    const mask = fillMask(layout);
    const rows = Array.from({ length: 7 }, (_, q) =>
      Array.from({ length: 7 }, (_, k) => (mask[q * 7 + k] === 0 ? 'x' : '.')).join(''),
    );
    expect(rows).toEqual(['x......', 'xx.....', 'xxx....', 'xxxx...', 'xxxxx..', 'xxxxxx.', 'xxxx..x']);
    expect(mask[1]).toBe(MASKED);
  });
});

describe('layOut in two rows', () => {
  it('gives each answer its own prompt', () => {
    const layout = layOut(pair, { ...rrpo, prefixSharing: false }, tight);
    expect([layout.rows, layout.length]).toEqual([2, 6]);
    expect([...layout.ids]).toEqual([10, 11, 12, 13, 20, 21, 10, 11, 12, 13, 30, 0]);
    expect([...layout.segments]).toEqual([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 2, -1]);
    expect([...layout.rejected.gather]).toEqual([9, 10]);
    expect(fillMask(layout).filter((x) => x === 0).length).toBe(21 + 15 + 1); // padding sees itself
  });
});

describe('layOut options', () => {
  it('labels the official mask on top of the answer, and rewards only phrases', () => {
    const { chosen, rejected } = layOut(pair, { ...rrpo, klScope: 'official' }, tight);
    expect([...chosen.gather]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...chosen.labels]).toEqual([12, 13, 20, 21, 2, 5]);
    expect([...chosen.labelled]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([...chosen.rewarded]).toEqual([0, 0, 0, 1, 0, 0]);
    expect([...rejected.labels]).toEqual([12, 13, 30, 2, 5]);
  });

  it('rewards the whole answer and its end token for response-level objectives, under either mask', () => {
    const rewarded = (klScope: 'response' | 'official') => {
      const { chosen } = layOut(pair, { objective: 'dpo', klScope, prefixSharing: true }, tight);
      return [...chosen.labels].filter((_, i) => chosen.rewarded[i] === 1);
    };
    expect(rewarded('response')).toEqual([20, 21, 2]);
    expect(rewarded('official')).toEqual([20, 21, 2]);
  });

  it('pads rows and labels to buckets without labelling the padding', () => {
    const { length, ids, chosen, tokens } = layOut(pair, rrpo, { length: 16, labels: 8 });
    expect([length, ids.length, tokens, chosen.labels.length]).toEqual([16, 16, 7, 8]);
    expect([...chosen.labelled]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
    expect([...chosen.gather].slice(3)).toEqual([0, 0, 0, 0, 0]);
  });
});
