/**
 * @file Door 2: the window in a browser, over loopback HTTP and one WebSocket. Loopback only, a random token exchanged
 * for a cookie, Host and Origin checked (a page elsewhere must not reach it through DNS rebinding or a cross-site
 * socket). A GPU server is reached through an SSH tunnel, never by listening on a public address.
 */
import { randomBytes } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RPCHandler } from '@orpc/server/ws';
import { WebSocketServer } from 'ws';
import { fileResponse, resolveUnder } from './platform/byte-range.ts';
import { contentSecurityPolicy } from './platform/csp.ts';
import { rendererDir } from './platform/entries.ts';
import { UserError } from './platform/errors.ts';
import { log } from './platform/log.ts';
import { Access } from './serve/access.ts';
import { mediaResponse } from './services/media-route.ts';
import { createRouter } from './services/router.ts';
import { uploadResponse } from './services/upload-route.ts';
import type { Workbench } from './services/workbench.ts';

export type ServeOptions = {
  workbench: Workbench;
  /** TCP port on 127.0.0.1; 0 picks a free one. @default {@link USUAL_PORT}, or a free one while another server has it */
  port?: number;
  /** Shared secret; random by default. At least 16 characters. */
  token?: string;
  /** Folder of the built window. @default out/renderer */
  windowDir?: string;
};

export type Server = {
  port: number;
  /** The address to open: it carries the token once, which becomes a cookie. */
  url: string;
  close(): Promise<void>;
};

/**
 * A browser keeps what a window could not save by the address, port included (rooms/review/unsaved-stash.ts): only at the same one does the
 * next window find it. No program is known to use this one, and it is below the ports that systems give out.
 */
const USUAL_PORT = 28731;

/** Large enough for pasted text, small enough that one message cannot exhaust memory. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;

/** Milliseconds in which a refused upload can read the refusal before its connection is cut. */
const LINGER_MS = 2000;

/** Starts the server; the workbench stays the caller's to dispose of. */
export async function startServer({
  workbench,
  port,
  token,
  windowDir = rendererDir,
}: ServeOptions): Promise<Server> {
  const secret = token ?? randomBytes(24).toString('base64url');
  if (secret.length < 16)
    throw new UserError('BAD_INPUT', `token: expected at least 16 characters, got ${secret.length}`);
  if (!existsSync(path.join(windowDir, 'index.html')))
    throw new UserError(
      'UNAVAILABLE',
      `The window is not built: ${path.join(windowDir, 'index.html')} does not exist.`,
      'Run `npm run build` first.',
    );
  const handler = new RPCHandler(createRouter(workbench));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  const http = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      log.error(`request ${request.url} failed`, error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });

  // A large upload through a tunnel takes longer than Node's five minutes for a request.
  http.requestTimeout = 0;

  const boundPort = (): number => (http.address() as { port: number }).port;
  const access = new Access(secret, boundPort);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!access.hostAllowed(request)) return plain(response, 403, 'Forbidden: unexpected Host header');
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    if (request.method === 'PUT') return upload(request, response, url);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response, 405, 'Method not allowed');
    const given = url.searchParams.get('token');
    if (given !== null) {
      if (!access.matches(given)) return plain(response, 403, 'Forbidden: wrong token');
      // Exchange it at once, so that it stays out of the history and of the Referer header.
      response.writeHead(302, {
        'set-cookie': access.cookie,
        location: '/',
        'referrer-policy': 'no-referrer',
      });
      response.end();
      return;
    }
    if (!access.hasCookie(request))
      return plain(
        response,
        401,
        'Open the address that the workbench printed: it carries the access token.',
      );
    const range = request.headers.range ?? null;
    const head = request.method === 'HEAD';
    const pathname = decoded(url.pathname);
    if (pathname === null) return plain(response, 400, 'Malformed path');
    const result =
      (await mediaResponse(workbench, pathname, range, head)) ?? (await page(pathname, range, head));
    await send(result, response);
  }

  /** A file from our own page, and from no other. */
  async function upload(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!access.originAllowed(request)) return plain(response, 403, 'Forbidden: unexpected Origin header');
    if (!access.hasCookie(request))
      return plain(response, 401, 'Open the address that the workbench printed.');
    // A refusal must not destroy the request: its answer has to arrive.
    const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    const result = await uploadResponse(workbench, url, request.headers['content-length'], body);
    if (!result) return plain(response, 405, 'Method not allowed');
    // What is left of a refused body is not worth reading to its end.
    if (!request.complete) result.headers.set('connection', 'close');
    await send(result, response);
    if (request.complete) return;
    request.resume();
    setTimeout(() => request.destroy(), LINGER_MS).unref();
  }

  async function page(pathname: string, range: string | null, head: boolean): Promise<Response> {
    const file = resolveUnder(windowDir, pathname === '/' ? 'index.html' : pathname);
    if (!file) return new Response('Not found', { status: 404 });
    const result = await fileResponse(file, range, head);
    result.headers.set(
      'content-security-policy',
      contentSecurityPolicy([`ws://${hostOf()}`, `ws://localhost:${boundPort()}`]),
    );
    result.headers.set('referrer-policy', 'no-referrer');
    result.headers.set('cross-origin-opener-policy', 'same-origin');
    return result;
  }
  const hostOf = (): string => `127.0.0.1:${boundPort()}`;

  http.on('upgrade', (request, socket, head) => {
    const allowed =
      access.hostAllowed(request) &&
      access.hasCookie(request) &&
      request.url === '/rpc' &&
      access.originAllowed(request);
    if (!allowed) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', (error) => log.warn('socket error', error));
      void handler.upgrade(ws, { context: {} });
    });
  });

  await listen(http, port ?? USUAL_PORT).catch((error: unknown) => {
    if (!isInUse(error)) throw error;
    if (port === undefined) return listen(http, 0);
    throw new UserError(
      'CONFLICT',
      `Port ${port} is in use.`,
      'Choose another one with --port, or 0 for any.',
    );
  });
  return {
    port: boundPort(),
    url: `http://${hostOf()}/?token=${secret}`,
    close: async () => {
      for (const ws of sockets.clients) ws.terminate();
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}

function listen(http: HttpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', () => {
      http.off('error', reject);
      resolve();
    });
  });
}

const isInUse = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** A percent-decoded path, or null when the escapes are broken. */
function decoded(pathname: string): string | null {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

/** Writes a web Response to a Node one. A reader that leaves early (a video seek) is normal and not an error. */
async function send(result: Response, response: ServerResponse): Promise<void> {
  response.writeHead(result.status, Object.fromEntries(result.headers));
  if (!result.body) {
    response.end();
    return;
  }
  try {
    // One stream to the run time; to the compiler Node's and the page's are two.
    await pipeline(Readable.fromWeb(result.body as never), response);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ERR_STREAM_UNABLE_TO_PIPE') throw error;
  }
}
