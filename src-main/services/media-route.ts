/**
 * @file Media over URLs, the same for both doors: `media/video/<id>` (the file, or its proxy where the browser cannot
 * play the file) and `media/filmstrip/<id>.jpg`. Ids are looked up in the project, so no path ever comes from a URL.
 */
import { fileResponse } from '../platform/byte-range.ts';
import { frameTable, playableFile } from './media-files.ts';
import type { Workbench } from './workbench.ts';

/** Answers `/media/...`; null when the path is not a media path. */
export async function mediaResponse(
  workbench: Workbench,
  pathname: string,
  range: string | null,
  head = false,
): Promise<Response | null> {
  const match = pathname.match(/^\/media\/(video|pts)\/([\w-]{1,64})$/);
  if (!match) return null;
  const project = workbench.project;
  if (!project) return new Response('No project is open', { status: 404 });
  const [, kind, id] = match;
  if (kind === 'pts') {
    const table = frameTable(workbench, id);
    return table
      ? new Response(table.slice(), { headers: { 'content-type': 'application/octet-stream' } })
      : new Response('Not found', { status: 404 });
  }
  const file = playableFile(workbench, id);
  return file ? fileResponse(file, range, head) : new Response('Not found', { status: 404 });
}
