/** @file What the model is given of a clip, and strips of its pictures, asked for as the window asks: plan and addresses, with the real media worker. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeVideo, type TimedRgb } from '../media/encode.ts';
import { framesAt } from '../media/decode.ts';
import { probeVideo } from '../media/probe.ts';
import { resourcesDir } from '../platform/entries.ts';
import { mediaResponse } from './media-route.ts';
import { createRouter } from './router.ts';
import { Workbench } from './workbench.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-eye-'));
process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
const workbench = new Workbench('cli');
const client = createRouterClient(createRouter(workbench));
let videoId = '';

/** Frame i is grey of brightness 40 + 5 i. */
function* greys(): Generator<TimedRgb> {
  for (let i = 0; i < 40; i++)
    yield { rgb: new Uint8Array(64 * 48 * 3).fill(40 + 5 * i), pts: i, duration: 1 };
}

beforeAll(async () => {
  const clip = path.join(home, 'greys.mp4');
  await encodeVideo(clip, greys(), { codec: 'h264', width: 64, height: 48, timeBase: { num: 1, den: 10 } });
  await client.project.create({ path: path.join(home, 'project'), name: 'Eye' });
  await client.library.addVideos({ paths: [clip] });
  await workbench.jobs.idle();
  [{ id: videoId }] = await client.library.videos();
});
afterAll(async () => {
  await workbench.dispose();
  rmSync(home, { recursive: true });
});

/** Brightness at a place of the picture at an address. */
async function brightness(address: string, x: number, y: number): Promise<number> {
  const response = await mediaResponse(workbench, address, null);
  expect([response?.status, response?.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
  const file = path.join(home, 'read.jpg');
  writeFileSync(file, new Uint8Array(await response!.arrayBuffer()));
  const [picture] = await framesAt(file, (await probeVideo(file)).pts, [0]);
  return picture.data[(y * picture.width + x) * 3];
}

test('a recipe over frames of one’s own: the plan, and each picture as the plan says', async () => {
  const recipe = [{ op: 'reverse' }, { op: 'mask', ratio: [0.25, 0.25], fill: [0, 0, 0] }];
  const clip = await client.negatives.perturbed({ videoId, recipe, seed: 4, frames: [0, 10, 20, 30] });
  expect(clip.frames.map(({ at, source }) => [at, source])).toEqual([
    [0, 30],
    [10, 20],
    [20, 10],
    [30, 0],
  ]);
  const [mask] = clip.frames[0].masks;
  expect(mask.width * mask.height).toBeCloseTo(0.25, 1);
  // One place under the mask, one far from it.
  const inside = [
    Math.floor((mask.x + mask.width / 2) * 64),
    Math.floor((mask.y + mask.height / 2) * 48),
  ] as const;
  const outside = [inside[0] < 32 ? 62 : 1, inside[1] < 24 ? 46 : 1] as const;
  for (const [k, { source }] of clip.frames.entries()) {
    const address = `/media/perturbed/${clip.key}/${k}.jpg`;
    expect(Math.abs((await brightness(address, ...outside)) - (40 + 5 * source)), `place ${k}`).toBeLessThan(
      8,
    );
    expect(await brightness(address, ...inside), `mask of place ${k}`).toBeLessThan(8);
  }
  const again = await client.negatives.perturbed({ videoId, recipe, seed: 4, frames: [0, 10, 20, 30] });
  expect(again).toEqual(clip);
});

test('without frames of one’s own, those of the project’s model; without a model that is said', async () => {
  const request = { videoId, recipe: 'reverse', seed: 0 };
  await expect(client.negatives.perturbed(request)).rejects.toMatchObject({ data: { code: 'BAD_INPUT' } });
  await client.project.setModel({ modelDir: path.join(resourcesDir, 'model') });
  const { frames } = await client.negatives.perturbed(request);
  expect(frames.map(({ at }) => at)).toEqual(await client.library.modelFrames({ videoId }));
});

test('strips by address; what is not there is 404, and no path comes from an address', async () => {
  // Cells of eight frames, a keyframe every twelve: 0 and 12 are the first keyframes in theirs, the third has none.
  for (const [cell, frame] of [0, 12, 16, 24, 36].entries())
    expect(
      Math.abs(
        (await brightness(`/media/filmstrip/${videoId}/8/0.jpg`, cell * 64 + 30, 20)) - (40 + 5 * frame),
      ),
      `cell ${cell}`,
    ).toBeLessThan(8);
  for (const address of [
    `filmstrip/${videoId}/8/1.jpg`,
    `filmstrip/${videoId}/3/0.jpg`,
    `filmstrip/${videoId}/0/0.jpg`,
    'filmstrip/unknown/1/0.jpg',
    `perturbed/${'0'.repeat(40)}/0.jpg`,
    'perturbed/../../etc/0.jpg',
    'pts/unknown',
    'video/unknown',
    'else',
  ])
    expect((await mediaResponse(workbench, `/media/${address}`, null))?.status, address).toBe(404);
});

test('a recipe that is none, or a frame that the video does not have, is refused', async () => {
  for (const wrong of [{ recipe: 'melt' }, { recipe: [{ op: 'melt' }] }, { recipe: 'reverse', frames: [40] }])
    await expect(
      client.negatives.perturbed({ videoId, seed: 0, frames: [0], ...wrong }),
    ).rejects.toMatchObject({
      data: { code: 'BAD_INPUT' },
    });
});
