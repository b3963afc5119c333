/** @file For tests: a real HTTP server on loopback that speaks the chat-completions protocol, well or badly, as a test says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatMessage } from './protocol.ts';

/** A request as the server got it. */
export type Asked = {
  path: string;
  authorization: string | null;
  body: { model: string; messages: ChatMessage[]; [field: string]: unknown };
  /** Milliseconds, `performance.now()`. */
  at: number;
};

/** What the server does with a request: a text is a good reply; a function does as it likes. */
export type Behaviour = string | ((response: ServerResponse, request: IncomingMessage) => void);

export type FakeServer = {
  /** Base address, `http://127.0.0.1:PORT/v1`. */
  url: string;
  asked: Asked[];
  /** Most requests that were under way at once. */
  most: () => number;
  close: () => Promise<void>;
};

/** A completion with this text that says it cost 100 + 10 tokens. */
export function completion(text: string, finish = 'stop'): string {
  return JSON.stringify({
    id: 'x',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finish }],
    usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
  });
}

/** Answers with a status, headers and a body. */
export function status(code: number, body = '', headers: Record<string, string> = {}): Behaviour {
  return (response) => {
    response.writeHead(code, headers);
    response.end(body);
  };
}

/** Starts a server; `behave` is asked for each request, the first being number 0. */
export async function startFake(
  behave: (asked: Asked, n: number) => Behaviour | Promise<Behaviour>,
  port = 0,
): Promise<FakeServer> {
  const asked: Asked[] = [];
  let under = 0;
  let most = 0;
  const server = createServer((request, response) => {
    most = Math.max(most, ++under);
    response.on('close', () => under--);
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const one: Asked = {
        path: request.url!,
        authorization: request.headers.authorization ?? null,
        body: JSON.parse(Buffer.concat(parts).toString()) as Asked['body'],
        at: performance.now(),
      };
      asked.push(one);
      const what = await behave(one, asked.length - 1);
      if (typeof what === 'function') return what(response, request);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(completion(what));
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    most: () => most,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
