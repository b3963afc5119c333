/**
 * @file HTTP Range for video seeking, the same for both doors: Electron's own `net.fetch` of a file ignores Range and
 * always answers 200, with which Chromium cannot seek. RFC 9110, section 14.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';

/** First and last byte, inclusive. */
export type ByteRange = { start: number; end: number };

/**
 * Parses a Range header against a file of `size` bytes. Null: no usable range was asked for, answer 200 with all of it
 * (several ranges and other units may be ignored by a server). 'unsatisfiable': answer 416.
 */
export function parseRange(header: string | null, size: number): ByteRange | null | 'unsatisfiable' {
  const match = header?.match(/^bytes=(\d*)-(\d*)$/);
  if (!match || (match[1] === '' && match[2] === '')) return null;
  const [, first, last] = match;
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || size === 0) return 'unsatisfiable';
    return { start: Math.max(0, size - suffix), end: size - 1 };
  }
  const start = Number(first);
  if (start >= size) return 'unsatisfiable';
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return end < start ? null : { start, end };
}

const MIME: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.ico': 'image/x-icon',
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  // Chromium plays QuickTime files but says no to their own type, so they go out as MP4.
  '.mov': 'video/mp4',
  '.webm': 'video/webm',
  '.mkv': 'video/x-matroska',
  '.avi': 'video/x-msvideo',
  '.gif': 'image/gif',
};

/** A web Response for one file: 200, 206, 404 or 416, with exact lengths; the stream closes when the reader leaves. */
export async function fileResponse(file: string, range: string | null, head = false): Promise<Response> {
  const info = await stat(file).catch(() => null);
  if (!info?.isFile()) return new Response('Not found', { status: 404 });
  const headers = new Headers({
    'content-type': MIME[path.extname(file).toLowerCase()] ?? 'application/octet-stream',
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  });
  const wanted = parseRange(range, info.size);
  if (wanted === 'unsatisfiable') {
    headers.set('content-range', `bytes */${info.size}`);
    return new Response(null, { status: 416, headers });
  }
  const { start, end } = wanted ?? { start: 0, end: info.size - 1 };
  headers.set('content-length', String(end - start + 1));
  if (wanted) headers.set('content-range', `bytes ${start}-${end}/${info.size}`);
  const body =
    head || info.size === 0
      ? null
      : (Readable.toWeb(createReadStream(file, { start, end })) as ReadableStream);
  return new Response(body, { status: wanted ? 206 : 200, headers });
}

/** Resolves `relative` under `root`, or null when it would leave it (`..`, absolute paths, null bytes). */
export function resolveUnder(root: string, relative: string): string | null {
  if (relative.includes('\0')) return null;
  const target = path.resolve(root, `.${path.sep}${relative}`);
  return target === root || target.startsWith(root + path.sep) ? target : null;
}
