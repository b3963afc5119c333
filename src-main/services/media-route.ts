/**
 * @file Media over URLs, the same for both doors: `media/video/<id>` (the file, or its proxy where the browser cannot play the
 * file), `media/pts/<id>` (its frame table), `media/filmstrip/<id>/<stride>/<strip>.jpg`, `media/perturbed/<key>/<k>.jpg` and
 * `media/given/<id>/<recipe>/<place>.rgb` (`contract/given.ts`). Ids are looked up in the
 * project and keys are hexadecimal, so no path ever comes from a URL.
 */
import { readGivenUnder } from '../contract/given.ts';
import { fileResponse } from '../platform/byte-range.ts';
import { frameTable, playableFile, stripFile } from './media-files.ts';
import { perturbedPicture } from './model-eye.ts';
import { givenFrame } from './preview.ts';
import type { Workbench } from './workbench.ts';

type Parts = Record<string, string>;

/** Each kind of address, and what is there: a file's path, bytes, or null for nothing. */
type Found = string | Uint8Array | null;
const ADDRESSES: [RegExp, (workbench: Workbench, parts: Parts) => Found | Promise<Found>][] = [
  [/^video\/(?<id>[\w-]{1,64})$/, (workbench, { id }) => playableFile(workbench, id)],
  [/^pts\/(?<id>[\w-]{1,64})$/, (workbench, { id }) => frameTable(workbench, id)],
  [
    /^filmstrip\/(?<id>[\w-]{1,64})\/(?<stride>\d{1,10})\/(?<strip>\d{1,10})\.jpg$/,
    (workbench, { id, stride, strip }) =>
      stripFile(workbench, id, { stride: Number(stride), strip: Number(strip) }),
  ],
  [
    /^perturbed\/(?<key>[0-9a-f]{40})\/(?<k>\d{1,5})\.jpg$/,
    (workbench, { key, k }) => perturbedPicture(workbench, key, Number(k)),
  ],
  [
    /^given\/(?<id>[\w-]{1,64})\/(?<how>[\w-]{1,8000})\/(?<place>\d{1,5})\.rgb$/,
    (workbench, { id, how, place }) => {
      const under = readGivenUnder(how);
      return under && givenFrame(workbench, id, under, Number(place));
    },
  ],
];

/** Answers `/media/...`; null when the path is not a media path. */
export async function mediaResponse(
  workbench: Workbench,
  pathname: string,
  range: string | null,
  head = false,
): Promise<Response | null> {
  const address = pathname.match(/^\/media\/(.*)$/)?.[1];
  if (address === undefined) return null;
  for (const [pattern, find] of ADDRESSES) {
    const parts = address.match(pattern)?.groups;
    if (!parts) continue;
    if (!workbench.project) return new Response('No project is open', { status: 404 });
    const found = await find(workbench, parts);
    if (typeof found === 'string') return fileResponse(found, range, head);
    if (found) return new Response(head ? null : Buffer.from(found), { headers: BYTES });
  }
  return new Response('Not found', { status: 404 });
}

const BYTES = { 'content-type': 'application/octet-stream', 'cache-control': 'no-cache' };
