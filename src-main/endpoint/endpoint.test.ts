/**
 * @file The endpoint against a real HTTP server on loopback that speaks the protocol, and against the ways a server can fail: what is
 * sent, what is tried again, what it costs, and that the key stays where it belongs.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EndpointSettings } from '../contract/endpoint.ts';
import { Endpoint } from './endpoint.ts';
import { retryAfter } from './errors.ts';
import { Ledger } from './ledger.ts';
import type { Keychain } from './key-store.ts';
import { chatUrl } from './protocol.ts';
import { completion, startFake, status, type Behaviour, type FakeServer } from './testing.ts';

const KEY = 'sk-test-0123456789abcdefWXYZ';
let folder: string;
let endpoint: Endpoint;
let server: FakeServer | null = null;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-endpoint-'));
  endpoint = new Endpoint({ folder, backoffMs: 5 });
});
afterEach(async () => {
  endpoint.close();
  await server?.close();
  server = null;
  rmSync(folder, { recursive: true, force: true });
});

/** A server that behaves so, one behaviour a request and the last one for all further ones; the endpoint is set up for it. */
async function setUp(behaviours: Behaviour[], changes: Partial<EndpointSettings> = {}): Promise<FakeServer> {
  server = await startFake((_, n) => behaviours[Math.min(n, behaviours.length - 1)]);
  await endpoint.save(
    EndpointSettings.parse({
      enabled: true,
      url: server.url,
      model: 'judge-1',
      requestsPerMinute: 6000,
      timeoutSeconds: 60,
      priceIn: 2,
      priceOut: 10,
      ...changes,
    }),
  );
  return server;
}

const ask = async (text: string, signal?: AbortSignal) =>
  (await endpoint.client()).ask([{ role: 'user', content: text }], { signal });

test('nothing is sent before the endpoint is set up and switched on', async () => {
  expect((await endpoint.state()).problem).toContain('address');
  await expect(endpoint.client()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const { asked } = await setUp(['hello'], { enabled: false });
  await expect(ask('a')).rejects.toThrow(/switch it on/);
  expect(await endpoint.test()).toMatchObject({ ok: false });
  expect(asked).toHaveLength(0);
  expect(readdirSync(folder)).toEqual(['endpoint.json']);
});

test('a question is answered, counted at its price, and the same one is not asked or paid again, also by another process', async () => {
  const { asked } = await setUp(['hello']);
  await endpoint.setKey(KEY);
  const reply = await ask('a');
  expect(reply).toEqual({
    text: 'hello',
    finished: true,
    cached: false,
    tokens: { in: 100, out: 10 },
    cost: 0.0003,
  });
  expect(asked[0]).toMatchObject({
    path: '/v1/chat/completions',
    authorization: `Bearer ${KEY}`,
    body: {
      model: 'judge-1',
      stream: false,
      temperature: 0,
      max_tokens: 1024,
      messages: [{ role: 'user', content: 'a' }],
    },
  });
  expect(await ask('a')).toEqual({ text: 'hello', finished: true, cached: true, tokens: null, cost: 0 });
  // Two at the same moment are one request, whichever of them makes it.
  const both = await Promise.all([ask('b'), ask('b')]);
  expect(both.map(({ cached }) => cached).sort()).toEqual([false, true]);
  expect(asked).toHaveLength(2);
  const other = new Endpoint({ folder });
  expect(await (await other.client()).ask([{ role: 'user', content: 'a' }])).toMatchObject({ cached: true });
  expect((await other.state()).usage).toEqual({
    requests: 2,
    cached: 3,
    tokensIn: 200,
    tokensOut: 20,
    uncounted: 0,
    cost: 0.0006,
  });
  other.close();
  // Another model is another question.
  const { settings } = await endpoint.state();
  await endpoint.save({ ...settings, model: 'judge-2' });
  expect((await ask('a')).cached).toBe(false);
  expect(asked).toHaveLength(3);
  expect((await endpoint.resetUsage()).usage).toMatchObject({ requests: 0, cost: 0 });
});

test('429 waits as long as the server asks, 500 is tried again', async () => {
  const { asked } = await setUp([
    status(429, '{"error":{"message":"slow down"}}', { 'retry-after': '1' }),
    status(500, 'oops'),
    'fine',
  ]);
  expect((await ask('a')).text).toBe('fine');
  expect(asked).toHaveLength(3);
  expect(asked[1].at - asked[0].at).toBeGreaterThanOrEqual(990);
});

test('after the last try the failure says what came; a longer wait than two minutes is not waited for', async () => {
  const { asked } = await setUp([status(503, 'down for repair')], { retries: 2 });
  await expect(ask('a')).rejects.toMatchObject({
    concerns: 'question',
    message: expect.stringMatching(/got HTTP 503: down for repair/) as string,
  });
  expect(asked).toHaveLength(3);
  await server!.close();
  const again = await setUp([status(429, '', { 'retry-after': '3600' })]);
  await expect(ask('a')).rejects.toThrow(/asks to wait 3600 s/);
  expect(again.asked).toHaveLength(1);
});

test.each([
  [401, 'endpoint', /key/],
  [403, 'endpoint', /key/],
  [404, 'endpoint', /address and the model/],
  [402, 'endpoint', /credit/],
  [400, 'question', /expects/],
])('HTTP %i is not tried again and says what to do', async (code, concerns, hint) => {
  const { asked } = await setUp([status(code, JSON.stringify({ error: { message: `no, ${KEY} is bad` } }))]);
  await endpoint.setKey(KEY);
  const error = (await ask('a').catch((e: unknown) => e)) as {
    message: string;
    hint: string;
    concerns: string;
  };
  expect(error.concerns).toBe(concerns);
  expect(error.hint).toMatch(hint);
  expect(error.message).toContain(`got HTTP ${code}: no, (the key) is bad`);
  expect(asked).toHaveLength(1);
});

test('an account without credit is told at once, though it comes as 429', async () => {
  const { asked } = await setUp([
    status(429, '{"error":{"message":"no credit","code":"insufficient_quota"}}'),
  ]);
  await expect(ask('a')).rejects.toMatchObject({ concerns: 'endpoint' });
  expect(asked).toHaveLength(1);
});

test('a refused connection is tried again, then told', async () => {
  await setUp(['hello'], { retries: 1 });
  await server!.close();
  server = null;
  await expect(ask('a')).rejects.toThrow(/no connection \(ECONNREFUSED\)/);
});

test('a reply that never begins, and one that trickles without end, run into the timeout', async () => {
  const trickle: Behaviour = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };
  const { asked } = await setUp([() => undefined, trickle, 'in time'], { timeoutSeconds: 1, retries: 1 });
  // The trickle has no end of its own: that there is an outcome is the timeout's doing.
  await expect(ask('a')).rejects.toThrow(/within 1 s/);
  expect(asked).toHaveLength(2);
  // A slow reply that ends in time is a reply.
  await server!.close();
  const slow: Behaviour = (response) => {
    const body = completion('slowly');
    response.writeHead(200);
    let sent = 0;
    const timer = setInterval(() => {
      response.write(body.slice(sent, (sent += 20)));
      if (sent < body.length) return;
      clearInterval(timer);
      response.end();
    }, 10);
  };
  await setUp([slow]);
  expect((await ask('b')).text).toBe('slowly');
});

test('broken JSON, a wrong shape and a reply without end are tried again, paid for where they were counted, and never taken for an answer', async () => {
  const broken: Behaviour = status(200, completion('half').slice(0, -30));
  const shape: Behaviour = status(
    200,
    JSON.stringify({ output: 'x', usage: { prompt_tokens: 7, completion_tokens: 3 } }),
  );
  const { asked } = await setUp([broken, shape, 'whole']);
  expect((await ask('a')).text).toBe('whole');
  expect(asked).toHaveLength(3);
  expect((await endpoint.state()).usage).toMatchObject({
    requests: 3,
    tokensIn: 107,
    tokensOut: 13,
    uncounted: 1,
  });
  await server!.close();
  const endless: Behaviour = (response) => {
    response.writeHead(200);
    response.end('x'.repeat(2 ** 21));
  };
  await setUp([endless]);
  await expect(ask('b')).rejects.toThrow(/at most 1048576 bytes/);
});

test('a redirect is refused, and the key does not follow it', async () => {
  const elsewhere = await startFake(() => 'stolen');
  await setUp([status(307, '', { location: `${elsewhere.url}/chat/completions` })]);
  await endpoint.setKey(KEY);
  await expect(ask('a')).rejects.toThrow(/got a redirect to http/);
  expect(elsewhere.asked).toHaveLength(0);
  await elsewhere.close();
});

test('a server that reads neither max_tokens nor temperature is asked in its own words', async () => {
  server = await startFake(({ body }) => {
    if ('max_tokens' in body)
      return status(400, '{"error":{"message":"max_tokens is not supported, use max_completion_tokens"}}');
    if ('temperature' in body) return status(400, '{"error":{"message":"temperature does not support 0"}}');
    return 'new words';
  });
  const { url } = server;
  await endpoint.save(EndpointSettings.parse({ enabled: true, url, model: 'm', requestsPerMinute: 6000 }));
  const texts = await Promise.all(['a', 'b', 'c'].map((text) => ask(text)));
  expect(texts.map(({ text }) => text)).toEqual(['new words', 'new words', 'new words']);
  expect(server.asked.at(-1)!.body).toMatchObject({ max_completion_tokens: 1024 });
});

test('cancelling ends a request that is under way, one that waits for its turn, and a wait between tries', async () => {
  const { asked } = await setUp([() => undefined], { concurrent: 1, timeoutSeconds: 60 });
  const controller = new AbortController();
  const all = ['a', 'b', 'c'].map((text) => ask(text, controller.signal).catch((error: unknown) => error));
  await expect.poll(() => asked).toHaveLength(1);
  controller.abort();
  for (const outcome of await Promise.all(all)) expect(outcome).toMatchObject({ code: 'CANCELLED' });
  expect(asked).toHaveLength(1);
  await server!.close();
  await setUp([status(429, '', { 'retry-after': '60' })]);
  const later = new AbortController();
  const waiting = ask('d', later.signal);
  await expect.poll(() => server!.asked).toHaveLength(1);
  later.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('requests keep to the rate and to the number at once', async () => {
  const slow: Behaviour = (response) => setTimeout(() => response.end(completion('ok')), 60);
  const { asked, most } = await setUp([slow], { requestsPerMinute: 1200, concurrent: 2 });
  const began = performance.now();
  await Promise.all(Array.from({ length: 8 }, (_, k) => ask(`q${k}`)));
  expect(most()).toBeLessThanOrEqual(2);
  // 1200 a minute is one every 50 ms, and the first goes out at once.
  expect(asked.at(-1)!.at - began).toBeGreaterThanOrEqual(7 * 50);
});

/** A question that the server counts 100 tokens of: as it counts any. */
const HUNDRED = 'x'.repeat(98);

test('nothing is sent that could cost more than the limit on spending leaves', async () => {
  // A request costs 0.0003 dollars, and at most 0.0004: 120 tokens of question and 16 of reply.
  const { asked } = await setUp(['ok'], { spendLimit: 0.0008, maxTokens: 16 });
  await ask(`${HUNDRED}-a`);
  await ask(`${HUNDRED}-b`);
  await expect(ask(`${HUNDRED}-c`)).rejects.toMatchObject({
    concerns: 'endpoint',
    message: expect.stringMatching(
      /at most \$0.0008, got \$0.0006 spent already and up to \$0.0004/,
    ) as string,
  });
  expect(asked).toHaveLength(2);
  // What was paid for already is there for nothing.
  expect(await ask(`${HUNDRED}-a`)).toMatchObject({ cached: true });
});

test('many at once, through two doors, keep to the limit and use it up', async () => {
  const slow: Behaviour = (response) => setTimeout(() => response.end(completion('ok')), 30);
  const { asked } = await setUp([slow], { spendLimit: 0.002, maxTokens: 16, concurrent: 8 });
  const other = new Endpoint({ folder });
  const clients = await Promise.all([endpoint.client(), other.client()]);
  const all = await Promise.allSettled(
    Array.from({ length: 40 }, (_, k) =>
      clients[k % 2].ask([{ role: 'user', content: `${HUNDRED}${k + 10}` }]),
    ),
  );
  const { cost } = (await endpoint.state()).usage;
  // After six there are 0.0002 left, and a seventh may cost twice that.
  expect(asked).toHaveLength(6);
  expect(cost).toBeCloseTo(0.0018, 9);
  const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  expect(refused).toHaveLength(34);
  for (const reason of refused) expect(reason).toMatchObject({ concerns: 'endpoint' });
  other.close();
});

test('what a dead process had set aside lapses with its timeout', async () => {
  const { asked } = await setUp(['ok'], { spendLimit: 0.0005, maxTokens: 16 });
  const dead = new Ledger(folder);
  expect(dead.reserve(0.0004, { limit: 0.0005, until: Date.now() + 300 })).toHaveProperty('id');
  dead.close();
  await ask(HUNDRED);
  expect(asked).toHaveLength(1);
});

test('a reply that cannot be used is given back but not kept: the next who asks gets another', async () => {
  const cut: Behaviour = (response) => void response.end(completion('good but', 'length'));
  const { asked } = await setUp(['nonsense', 'good', cut, 'whole']);
  const client = await endpoint.client();
  const good = async () =>
    (await client.ask([{ role: 'user', content: 'a' }], { usable: ({ text }) => text === 'good' })).text;
  expect([await good(), await good(), await good()]).toEqual(['nonsense', 'good', 'good']);
  expect(asked).toHaveLength(2);
  // Nobody has said what is usable: a whole one.
  expect([(await ask('b')).finished, (await ask('b')).text, (await ask('b')).cached]).toEqual([
    false,
    'whole',
    true,
  ]);
  expect((await endpoint.state()).usage).toMatchObject({ requests: 4, cached: 2 });
});

test('switching it off in the middle stops what is under way', async () => {
  await setUp([() => undefined], { timeoutSeconds: 60 });
  const under = ask('a').catch((error: unknown) => error);
  await expect.poll(() => server!.asked).toHaveLength(1);
  const { settings } = await endpoint.state();
  await endpoint.save({ ...settings, enabled: false });
  expect(await under).toMatchObject({ concerns: 'endpoint' });
});

test('the test button tells in words what came', async () => {
  await setUp(['ready', status(401, '{"error":{"message":"wrong key"}}')]);
  const good = await endpoint.test();
  expect(good.ok).toBe(true);
  expect(good.message).toMatch(
    /^judge-1 @ 127\.0\.0\.1:\d+ answered “ready” in \d\.\d s; 100 \+ 10 tokens\.$/,
  );
  expect(await endpoint.test()).toMatchObject({
    ok: false,
    message: expect.stringContaining('HTTP 401') as string,
  });
});

test('the key lies in one file that only its owner reads, is shown by four letters, and belongs to one address', async () => {
  await setUp(['ok']);
  const state = await endpoint.setKey(`  ${KEY}\n`);
  expect(state.key).toMatchObject({ set: true, lastFour: 'WXYZ', origin: new URL(server!.url).origin });
  expect(JSON.stringify(state)).not.toContain(KEY);
  const file = path.join(folder, 'endpoint-key.json');
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  await ask('a');
  for (const name of readdirSync(folder))
    if (name !== 'endpoint-key.json')
      expect(readFileSync(path.join(folder, name), 'latin1')).not.toContain(KEY);
  await expect(endpoint.setKey('two words')).rejects.toMatchObject({ code: 'BAD_INPUT' });
  // Another address does not get it.
  const moved = await endpoint.save({ ...state.settings, url: 'https://other.example/v1' });
  expect(moved.key.set).toBe(false);
  expect(readdirSync(folder)).not.toContain('endpoint-key.json');
});

test("a door's keychain seals the key; without it the key has to be entered again", async () => {
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0x5a);
  const keychain: Keychain = {
    name: 'the keychain of this test',
    seal: (text) => flip(new TextEncoder().encode(text)),
    open: (sealed) => new TextDecoder().decode(flip(sealed)),
  };
  await setUp(['ok']);
  const sealed = new Endpoint({ folder, keychain });
  expect((await sealed.setKey(KEY)).key).toMatchObject({
    set: true,
    place: 'sealed by the keychain of this test',
  });
  expect(readFileSync(path.join(folder, 'endpoint-key.sealed'), 'latin1')).not.toContain(KEY);
  await (await sealed.client()).ask([{ role: 'user', content: 'a' }]);
  expect(server!.asked[0].authorization).toBe(`Bearer ${KEY}`);
  sealed.close();
  expect((await endpoint.state()).key.set).toBe(false);
});

test.each([
  ['https://api.openai.com/v1', 'https://api.openai.com/v1/chat/completions'],
  [
    'https://x.example/openai/chat/completions?api-version=1',
    'https://x.example/openai/chat/completions?api-version=1',
  ],
  ['http://localhost:11434/v1/', 'http://localhost:11434/v1/chat/completions'],
  ['http://[::1]:8000', 'http://[::1]:8000/chat/completions'],
])('%s is asked at %s', (base, asked) => expect(chatUrl(base, false).href).toBe(asked));

test.each([
  'http://10.0.0.5/v1',
  'http://localhost.evil.example',
  'ftp://x',
  'api.openai.com',
  'https://me:pass@x.example',
  '',
])('the address "%s" is refused', (base) => expect(() => chatUrl(base, false)).toThrow(/expected/));

test('plain http to another machine goes only where it is allowed in so many words', () =>
  expect(chatUrl('http://10.0.0.5/v1', true).href).toBe('http://10.0.0.5/v1/chat/completions'));

test('Retry-After is seconds or a date', () => {
  expect(retryAfter('2')).toBe(2000);
  expect(retryAfter(new Date(10_000).toUTCString(), 4000)).toBe(6000);
  expect(retryAfter('soon')).toBeNull();
  expect(retryAfter(null)).toBeNull();
});
