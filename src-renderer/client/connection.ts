/**
 * @file The line to the services: WebSocket in a browser, MessagePort in Electron. It opens itself again when it breaks;
 * calls made meanwhile wait for it, calls that were out fail with ConnectionLost so that their owner decides.
 */
import type { ClientContext, ClientLink, ClientOptions } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import type { StandardLinkPlugin } from '@orpc/client/standard';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import { RequestValidationPlugin, ResponseValidationPlugin } from '@orpc/contract/plugins';
import { contract } from '../../src-main/contract/contract.ts';
import { bridge, type WorkbenchBridge } from './bridge.ts';
import { ConnectionLost } from './errors.ts';

type Link = ClientLink<ClientContext>;
/** One live line: its link, and a promise that settles when it breaks. */
interface Line {
  readonly link: Link;
  readonly closed: Promise<void>;
}

export interface Connection extends Link {
  /** Calls back at once and then at every change; true while the line is up. */
  onChange: (listener: (up: boolean) => void) => void;
}

const plugins = (): StandardLinkPlugin<ClientContext>[] => [
  new RequestValidationPlugin(contract),
  new ResponseValidationPlugin(contract),
];

/** Waits between attempts, in ms: quick at first, then every three seconds. */
const BACKOFF = [100, 250, 500, 1000, 2000, 3000] as const;

/** Opens the line of this door and keeps it open. */
export function openConnection(): Connection {
  const preload = bridge();
  return keepOpen(preload ? () => openPort(preload) : openSocket);
}

/** Keeps a line open with `open`, which rejects when it cannot. Exported for tests. */
export function keepOpen(open: () => Promise<Line>, wait = BACKOFF as readonly number[]): Connection {
  const listeners = new Set<(up: boolean) => void>();
  let line: Line | null = null;
  let waiting: ((line: Line) => void)[] = [];
  const tell = (): void => listeners.forEach((listener) => listener(line !== null));

  const loop = async (): Promise<never> => {
    for (let attempt = 0; ; attempt++) {
      try {
        const opened = await open();
        line = opened;
        attempt = -1;
        tell();
        waiting.forEach((resume) => resume(opened));
        waiting = [];
        await opened.closed;
        line = null;
        tell();
      } catch {
        // Not reachable yet: the banner says so, and the next attempt follows.
        tell();
      }
      await new Promise((resolve) =>
        setTimeout(resolve, wait[Math.min(Math.max(attempt, 0), wait.length - 1)]),
      );
    }
  };
  void loop();

  const current = (signal: AbortSignal | undefined): Promise<Line> => {
    if (line) return Promise.resolve(line);
    return new Promise((resolve, reject) => {
      waiting.push(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };

  return {
    onChange(listener) {
      listeners.add(listener);
      listener(line !== null);
    },
    async call(path, input, options: ClientOptions<ClientContext>) {
      const used = await current(options.signal);
      let broken = false;
      void used.closed.then(() => (broken = true));
      return Promise.race([
        used.link.call(path, input, options),
        used.closed.then(() => Promise.reject(new ConnectionLost('connection closed during a call'))),
      ]).catch((error: unknown) => {
        // The link reports a dead line with errors of its own; give it one name.
        throw broken && !(error instanceof ConnectionLost) ? new ConnectionLost('connection closed') : error;
      });
    },
  };
}

function openSocket(): Promise<Line> {
  const url = new URL('/rpc', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url);
  const closed = new Promise<void>((resolve) =>
    socket.addEventListener('close', () => resolve(), { once: true }),
  );
  return new Promise((resolve, reject) => {
    socket.addEventListener(
      'open',
      () => resolve({ link: new SocketLink({ websocket: socket, plugins: plugins() }), closed }),
      { once: true },
    );
    void closed.then(() => reject(new ConnectionLost(`no connection to ${url.origin}`)));
  });
}

function openPort(preload: WorkbenchBridge): Promise<Line> {
  return new Promise((resolve) => {
    const receive = (event: MessageEvent<unknown>): void => {
      const port = event.ports[0];
      if (event.source !== window || event.data !== 'workbench:port' || !port) return;
      window.removeEventListener('message', receive);
      const closed = new Promise<void>((done) =>
        port.addEventListener('close', () => done(), { once: true }),
      );
      port.start();
      resolve({ link: new PortLink({ port, plugins: plugins() }), closed });
    };
    window.addEventListener('message', receive);
    preload.connect();
  });
}
