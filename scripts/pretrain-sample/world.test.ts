/** @file The sample world tells the truth: scenes are reproducible, pixels show what the questions say, mixes have the shares they claim. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../src-main/platform/random.ts';
import { askMany, BIASED_YES, describe as inWords } from '../../resources/world/questions.ts';
import { renderFrame } from '../../resources/world/render.ts';
import { drawSet } from '../../resources/world/sample-set.ts';
import {
  BALANCED,
  BIASED,
  FRAMES,
  isDirection,
  makeScene,
  SIZE,
  visible,
  type Scene,
} from '../../resources/world/scene.ts';

const scenes = (count: number, seed: number, mix = BALANCED): Scene[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => makeScene(random, mix));
};

/** Mean position of the pixels of frame `t` nearer to `rgb` than to the background; null when there are none. */
function blob(scene: Scene, t: number, rgb: readonly number[]): [number, number] | null {
  const frame = new Uint8Array(SIZE * SIZE * 3);
  renderFrame(scene, t, frame);
  let n = 0;
  let sx = 0;
  let sy = 0;
  for (let i = 0; i < SIZE * SIZE; i++) {
    const off = Math.max(...[0, 1, 2].map((c) => Math.abs(frame[i * 3 + c] - rgb[c])));
    if (off > 20) continue;
    n++;
    sx += i % SIZE;
    sy += Math.floor(i / SIZE);
  }
  return n < 50 ? null : [sx / n, sy / n];
}

describe('scenes', () => {
  it('are the same for the same seed', () => {
    expect(scenes(5, 3)).toEqual(scenes(5, 3));
    expect(scenes(5, 3)).not.toEqual(scenes(5, 4));
  });

  it('show in their pixels what their actions say', () => {
    let moved = 0;
    for (const scene of scenes(60, 11))
      for (const o of scene.objects) {
        const at = (t: number) => blob(scene, t, o.rgb);
        const first = at(o.from);
        const last = at(o.to - 1);
        if (first === null || last === null) throw new Error(`${o.colour} ${o.shape} is not drawn`);
        if (o.action === 'appears') expect(at(o.from - 1)).toBeNull();
        if (o.action === 'disappears') expect(at(o.to)).toBeNull();
        const [dx, dy] = [last[0] - first[0], last[1] - first[1]];
        const seen =
          Math.hypot(dx, dy) < 2
            ? 'none'
            : Math.abs(dx) > Math.abs(dy)
              ? dx < 0
                ? 'left'
                : 'right'
              : dy < 0
                ? 'up'
                : 'down';
        expect(seen).toBe(isDirection(o.action) ? o.action : 'none');
        if (seen !== 'none') moved++;
      }
    expect(moved).toBeGreaterThan(40);
  });

  it('have colours once, and every shape at least two sampled frames long', () => {
    for (const { objects } of scenes(300, 5)) {
      expect(new Set(objects.map((o) => o.colour)).size).toBe(objects.length);
      for (const o of objects) expect(o.to - o.from).toBeGreaterThanOrEqual(3);
      expect(objects.every((o) => o.to <= FRAMES && visible(o, o.from))).toBe(true);
    }
  });

  it('have the correlation and the counts of their mix', () => {
    const share = (mix: typeof BALANCED) => {
      const red = scenes(2000, 9, mix).flatMap((s) =>
        s.objects.filter((o) => o.colour === 'red' && isDirection(o.action)),
      );
      return red.filter((o) => o.action === 'left').length / red.length;
    };
    expect(share(BALANCED)).toBeCloseTo(0.25, 1);
    expect(share(BIASED)).toBeCloseTo(0.98, 1);
    const two = scenes(2000, 9, BIASED).filter((s) => s.objects.length === 2).length / 2000;
    expect(two).toBeCloseTo(0.86, 1);
  });
});

describe('questions', () => {
  it('are answered from the scene', () => {
    const object = {
      rgb: [200, 0, 0],
      size: 30,
      start: [80, 40],
      end: [30, 40],
      from: 0,
      to: FRAMES,
    } as const;
    const scene: Scene = {
      background: [230, 230, 230],
      objects: [
        { ...object, colour: 'blue', shape: 'square', action: 'appears', from: 9 },
        { ...object, colour: 'red', shape: 'circle', action: 'left' },
      ],
    };
    expect(inWords(scene)).toBe('A red circle moves to the left and a blue square appears.');
    const asked = askMany(scene, new Random(1), 60, 0.5);
    const answer = (question: string) => asked.find((q) => q.question === question);
    expect(answer('Which way does the red circle move?')?.answer).toBe('left');
    expect(answer('Which way does the red circle move?')?.bias).toEqual({ kind: 'spurious', side: 'agree' });
    expect(answer('How many shapes are there?')?.answer).toBe('two');
    expect(answer('What does the blue square do?')?.answer).toBe('The blue square appears.');
    for (const { question, answer: said } of asked)
      if (question.startsWith('Which shape is seen'))
        expect(said).toContain(question.includes('last') ? 'the blue square' : 'the red circle');
    for (const q of asked)
      if (q.type === 'multiple_choice') expect(q.question.split('\n')).toContain(q.answer);
  });

  it('are yes as often as asked for', () => {
    const shareOfYes = (p: number) => {
      const random = new Random(2);
      const all = scenes(400, 8)
        .flatMap((s) => askMany(s, random, 12, p))
        .filter((q) => q.type === 'yes_no');
      return all.filter((q) => q.answer === 'Yes').length / all.length;
    };
    expect(shareOfYes(0.5)).toBeGreaterThan(0.44);
    expect(shareOfYes(0.5)).toBeLessThan(0.56);
    expect(shareOfYes(BIASED_YES)).toBeGreaterThan(0.85);
  });

  it('do not depend on how many clips are drawn', () => {
    const options = { seed: 7, mix: 'balanced', questions: 6, heldoutEvery: 2 } as const;
    expect(drawSet({ ...options, clips: 3 })).toEqual(drawSet({ ...options, clips: 9 }).slice(0, 3));
  });
});
