/** @file The window's own scheme: the built page and media files with Range, never `file://`. */
import { protocol } from 'electron';
import { fileResponse, resolveUnder } from '../platform/byte-range.ts';
import { contentSecurityPolicy } from '../platform/csp.ts';
import { rendererDir } from '../platform/entries.ts';
import { mediaResponse } from '../services/media-route.ts';
import type { Workbench } from '../services/workbench.ts';

const SCHEME = 'workbench';
/** The only origin the window ever shows. */
export const APP_ORIGIN = `${SCHEME}://app`;

/** Call before the app is ready. `stream` is what lets a video element seek. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: SCHEME,
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
    },
  ]);
}

/** Serves `workbench://app/...`. */
export function setupProtocol(workbench: Workbench): void {
  protocol.handle(SCHEME, async (request) => {
    const url = new URL(request.url);
    if (url.host !== 'app') return new Response('Not found', { status: 404 });
    const pathname = decodeURIComponent(url.pathname);
    const range = request.headers.get('range');
    const media = await mediaResponse(workbench, pathname, range, request.method === 'HEAD');
    if (media) return media;
    const file = resolveUnder(rendererDir, pathname === '/' ? 'index.html' : pathname);
    if (!file) return new Response('Not found', { status: 404 });
    const response = await fileResponse(file, range, request.method === 'HEAD');
    response.headers.set('content-security-policy', contentSecurityPolicy());
    return response;
  });
}
