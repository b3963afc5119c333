/**
 * @file Files from a browser that cannot tell where they lie: `PUT upload?kind=video&name=...` with the file as the body. The declared
 * length is the limit; who asks is checked by the door (`serve.ts`). The answer is JSON: what became of it, or a plain error.
 */
import { toPlainError, UserError } from '../platform/errors.ts';
import { log } from '../platform/log.ts';
import { receiveUpload } from './video-files.ts';
import type { Workbench } from './workbench.ts';

/** Answers `PUT /upload`; null when the path is another. `length` is the Content-Length header. */
export async function uploadResponse(
  workbench: Workbench,
  url: URL,
  length: string | undefined,
  body: AsyncIterable<Uint8Array>,
): Promise<Response | null> {
  if (url.pathname !== '/upload') return null;
  const kind = url.searchParams.get('kind');
  const name = url.searchParams.get('name') ?? '';
  if (length === undefined || !/^\d{1,15}$/.test(length))
    return new Response('Length required', { status: 411 });
  try {
    if ((kind !== 'video' && kind !== 'table') || name === '')
      throw new UserError(
        'BAD_INPUT',
        `upload: expected a kind (video, table) and a name, got ${url.search}`,
      );
    if (length === '0')
      throw new UserError('BAD_INPUT', `${name}: expected a file, got an empty one`, 'Choose another file.');
    return Response.json(await receiveUpload(workbench, kind, name, Number(length), body));
  } catch (error) {
    // The sender went away, usually by a cancel: nobody hears an answer.
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return new Response(null, { status: 400 });
    const plain = toPlainError(error);
    if (plain.code === 'INTERNAL') log.warn(`upload of ${name} failed`, error);
    return Response.json(plain, { status: 422 });
  }
}
