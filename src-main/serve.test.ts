/** @file The loopback server: token, cookie, Host and Origin, policy, paths, ranges, and the contract over its socket. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Contract } from './contract/contract.ts';
import { startServer, type Server } from './serve.ts';
import { Workbench } from './services/workbench.ts';

let folder: string;
let workbench: Workbench;
let server: Server;
const TOKEN = 'a-token-of-sufficient-length';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'serve-'));
  await writeFile(path.join(folder, 'index.html'), '<title>window</title>');
  await writeFile(path.join(path.dirname(folder), `${path.basename(folder)}-secret.txt`), 'outside');
  workbench = new Workbench('serve');
  server = await startServer({ workbench, token: TOKEN, windowDir: folder });
});
afterAll(async () => {
  await server.close();
  await workbench.dispose();
  await rm(folder, { recursive: true });
  await rm(`${folder}-secret.txt`);
});

const address = (): string => `http://127.0.0.1:${server.port}`;
const cookie = (): string => `rrpo_workbench_${server.port}=${TOKEN}`;

/** A request with full control over path and headers; `fetch` would normalise both. */
function raw(
  target: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: server.port, path: target, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

describe('the loopback server', () => {
  it('exchanges the token for a cookie and keeps it out of the address', async () => {
    const response = await fetch(`${address()}/?token=${TOKEN}`, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('/');
    expect(response.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/);
  });

  it('answers nothing without the cookie, and refuses a wrong token', async () => {
    expect((await fetch(`${address()}/`)).status).toBe(401);
    expect((await fetch(`${address()}/media/video/x`)).status).toBe(401);
    expect((await fetch(`${address()}/?token=wrong`)).status).toBe(403);
  });

  it('serves the window with a policy that allows no foreign code', async () => {
    const response = await fetch(`${address()}/`, { headers: { cookie: cookie() } });
    expect(await response.text()).toContain('window');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
  });

  it('does not leave its folder', async () => {
    const name = `${path.basename(folder)}-secret.txt`;
    for (const target of [
      `/../${name}`,
      `/%2e%2e/${name}`,
      `/..%2f${name}`,
      '/%00',
      '/../../../../etc/passwd',
    ])
      expect((await raw(target, { cookie: cookie() })).body).not.toContain('outside');
  });

  it('answers 400 to broken escapes', async () => {
    expect((await raw('/%zz', { cookie: cookie() })).status).toBe(400);
  });

  it('refuses a Host that is not its own (DNS rebinding) and other methods', async () => {
    expect((await raw('/', { cookie: cookie(), host: 'evil.example' })).status).toBe(403);
    expect((await fetch(`${address()}/`, { method: 'POST', headers: { cookie: cookie() } })).status).toBe(
      405,
    );
  });

  it('refuses a socket from another origin or without the cookie', async () => {
    const refused = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const ws = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, { headers });
        ws.on('error', (error) => resolve(error.message));
        ws.on('open', () => resolve('open'));
      });
    expect(await refused({ cookie: cookie(), origin: 'http://evil.example' })).toMatch(/403/);
    expect(await refused({ origin: address() })).toMatch(/403/);
    expect(await refused({ cookie: 'rrpo_workbench_1=x', origin: address() })).toMatch(/403/);
  });

  it('speaks the contract, with typed errors', async () => {
    const websocket = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, {
      headers: { cookie: cookie(), origin: address() },
    });
    const client: ContractRouterClient<Contract> = createORPCClient(new RPCLink({ websocket: websocket }));
    expect(await client.app.info()).toMatchObject({ door: 'serve', platform: process.platform });
    expect(await client.project.current()).toBeNull();
    await expect(client.pairs.get({ pairId: 'none' })).rejects.toMatchObject({
      code: 'USER_ERROR',
      data: { code: 'NOT_FOUND', message: 'No project is open.' },
    });
    await expect(client.pairs.get({ pairId: '' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    websocket.close();
  });

  it('takes the usual port, or any other while that one is taken', async () => {
    const servers = await Promise.all([1, 2].map(() => startServer({ workbench, windowDir: folder })));
    try {
      const ports = [server, ...servers].map(({ port }) => port);
      expect(new Set(ports).size).toBe(3);
      const answers = await Promise.all(servers.map(({ url }) => fetch(url, { redirect: 'manual' })));
      expect(answers.map(({ status }) => status)).toEqual([302, 302]);
    } finally {
      await Promise.all(servers.map((one) => one.close()));
    }
  });

  it('says what to do when the port is taken or the window is not built', async () => {
    await expect(startServer({ workbench, port: server.port, windowDir: folder })).rejects.toThrow(
      /is in use/,
    );
    await expect(startServer({ workbench, windowDir: path.join(folder, 'none') })).rejects.toThrow(
      /not built/,
    );
  });
});
