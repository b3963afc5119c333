/** @file Worker processes, really started, really killed. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { UserError } from '../platform/errors.ts';
import { WorkerHost, describeDeath } from './worker-host.ts';
import type { WorkerOptions } from './worker-host.ts';
import type { TestApi } from './worker-host.test-worker.ts';

const entry = path.join(import.meta.dirname, 'worker-host.test-worker.ts');
const hosts: WorkerHost<TestApi>[] = [];

function host(options: Partial<WorkerOptions> = {}): WorkerHost<TestApi> {
  const created = new WorkerHost<TestApi>({ name: 'test', entry, ...options });
  hosts.push(created);
  return created;
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((h) => h.close()));
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('typed arrays cross both ways, and the worker is a plain Node 24 of its own', async () => {
  const worker = host();
  expect(await worker.call('double', new Float32Array([1, 2.5]))).toEqual(new Float32Array([2, 5]));
  const identity = await worker.call('identity', null);
  expect(identity.node).toMatch(/^v24\./);
  expect(identity.electron).toBeUndefined();
  expect(worker.pid).not.toBe(process.pid);
});

test('calls run side by side, and events arrive in order', async () => {
  const worker = host();
  const seen: number[] = [];
  const [count, doubled] = await Promise.all([
    worker.call('count', { to: 5, everyMs: 10 }, { onEvent: (n) => seen.push(n) }),
    worker.call('double', new Float32Array([3])),
  ]);
  expect(count).toEqual({ reached: 5, why: '' });
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  expect(doubled[0]).toBe(6);
});

test('errors keep their kind across the border', async () => {
  const worker = host();
  await expect(worker.call('fail', 'user')).rejects.toMatchObject({
    name: 'UserError',
    code: 'CORRUPT',
    message: 'clip.mp4: expected a moov box, got none',
    hint: 'Copy the file again.',
  });
  await expect(worker.call('fail', 'cancel')).rejects.toMatchObject({ code: 'CANCELLED' });
  const bug = await worker.call('fail', 'bug').catch((error: unknown) => error);
  expect(bug).not.toBeInstanceOf(UserError);
  expect((bug as Error).message).toBe('internal: bug in the worker');
  expect((bug as Error).stack).toContain('worker-host.test-worker.ts');
});

test('an abort reaches the worker with its reason, and the call may still answer', async () => {
  const worker = host();
  const controller = new AbortController();
  const result = await worker.call(
    'count',
    { to: 100_000, everyMs: 10 },
    { signal: controller.signal, onEvent: (n) => n === 3 && controller.abort('save') },
  );
  expect(result.why).toBe('save');
  // At the next look, not at the end: that would take a quarter of an hour.
  expect(result.reached).toBeLessThan(100_000);
});

test('a call that does not stop is ended with its worker after the grace time', async () => {
  const worker = host();
  const controller = new AbortController();
  const started = Date.now();
  const call = worker.call(
    'block',
    { ms: 60_000 },
    { signal: controller.signal, graceMs: 100, onEvent: () => controller.abort() },
  );
  await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(Date.now() - started).toBeLessThan(50_000);
  expect(await worker.call('double', new Float32Array([1]))).toEqual(new Float32Array([2]));
});

test('kill -9 in the middle of a call fails that call in words; the next call has a new worker', async () => {
  const worker = host();
  const call = worker.call(
    'count',
    { to: 1000, everyMs: 10 },
    { onEvent: (n) => n === 2 && process.kill(worker.pid!, 'SIGKILL') },
  );
  const error = (await call.catch((e: unknown) => e)) as UserError;
  expect(error).toBeInstanceOf(UserError);
  expect(error.code).toBe('WORKER_DIED');
  expect(error.message).toBe('The test worker was ended by signal SIGKILL.');
  expect(error.hint).toContain('memory');
  expect(worker.pid).toBeUndefined();
  expect(await worker.call('double', new Float32Array([4]))).toEqual(new Float32Array([8]));
});

test('an exit code and the last words are told', async () => {
  await expect(host().call('exit', 3)).rejects.toMatchObject({
    code: 'WORKER_DIED',
    message: 'The test worker ended with exit code 3. Its last words: goodbye',
  });
});

test('running out of memory is named as such', async () => {
  const worker = host({ nodeArguments: ['--max-old-space-size=48'] });
  await expect(worker.call('exhaust', null)).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
});

test('no Node, or one that cannot start, is told with what to do', async () => {
  const none = host({ node: { value: null, reason: 'looked nowhere' } });
  await expect(none.call('identity', null)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    hint: expect.stringContaining('npm ci') as string,
  });
  const absent = host({ node: { value: '/nowhere/node', reason: 'test' } });
  await expect(absent.call('identity', null)).rejects.toMatchObject({
    code: 'WORKER_DIED',
    message: expect.stringContaining('ENOENT') as string,
  });
});

test('a worker does not outlive its parent', async () => {
  const script = `
    import { WorkerHost } from ${JSON.stringify(path.join(import.meta.dirname, 'worker-host.ts'))};
    const worker = new WorkerHost({ name: 'test', entry: ${JSON.stringify(entry)} });
    await worker.call('identity', null);
    console.log(worker.pid);
    void worker.call('count', { to: 100000, everyMs: 10 });
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const workerPid = Number(
    await new Promise<string>((resolve) => parent.stdout.once('data', (d: Buffer) => resolve(d.toString()))),
  );
  expect(alive(workerPid)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => alive(workerPid)).toBe(false);
});

test('describeDeath tells code, signal and memory apart', () => {
  expect(
    describeDeath('engine', 134, null, undefined, 'FATAL ERROR: JavaScript heap out of memory').code,
  ).toBe('OUT_OF_MEMORY');
  expect(describeDeath('engine', null, 'SIGSEGV', undefined, '').message).toBe(
    'The engine worker was ended by signal SIGSEGV.',
  );
});
