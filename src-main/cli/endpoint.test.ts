/** @file The endpoint from the command line, as real processes: set up, the key over stdin, a test, judging and rewriting. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EndpointState } from '../contract/endpoint.ts';
import { startFake, type FakeServer } from '../endpoint/testing.ts';
import { appRoot } from '../platform/entries.ts';
import { createProject } from '../project/project.ts';
import { seedAnswers, verdictOn } from '../services/testing.ts';

const KEY = 'sk-cli-0123456789-zzzz';
const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-cli-endpoint-'));
const user = path.join(home, 'user');
const folder = path.join(home, 'project');
let server: FakeServer;

/** Runs a command with `--json`; `input` goes to its stdin. */
function cli(args: string[], input = ''): Promise<{ code: number; json: unknown; all: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(appRoot, 'bin', 'rrpo-workbench.mjs'), ...args, '--json'],
      { env: { ...process.env, RRPO_WORKBENCH_HOME: user } },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          json: JSON.parse(stdout),
          all: stdout + stderr,
        }),
    );
    child.stdin!.end(input);
  });
}

beforeAll(async () => {
  process.env.RRPO_WORKBENCH_HOME = user;
  server = await startFake((asked) => {
    const { body } = asked;
    const [system, data] = body.messages;
    if (data === undefined) return 'ready';
    if (system.content.includes('"check"')) return verdictOn(asked, 'wrong', 'another way');
    return body.messages.length === 2 ? 'left became right' : 'The red circle moves to the right.';
  });
  const project = await createProject(folder, 'cli');
  const chosen = 'The red circle moves to the left.';
  seedAnswers(project, [{ answer: 'A circle goes right.', verdict: 'wrong', chosen }]);
  project.close();
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

test('off by default; set up, tested, judged and rewritten, with the cost; the key is never printed', async () => {
  const off = await cli(['judge', folder]);
  expect(off).toMatchObject({ code: 1, json: { error: { code: 'UNAVAILABLE' } } });
  const set = [
    'endpoint',
    '--url',
    server.url,
    '--model',
    'm',
    '--on',
    '--price-in',
    '1',
    '--price-out',
    '10',
  ];
  expect((await cli(set)).json).toMatchObject({ problem: '', key: { set: false } });
  const keyed = await cli(['endpoint', '--key-from-stdin', '--test'], `${KEY}\n`);
  expect(keyed).toMatchObject({ code: 0, json: { key: { lastFour: 'zzzz' }, test: { ok: true } } });
  expect(keyed.all).not.toContain(KEY);
  expect((await cli(['judge', folder, '--dry-run'])).json).toMatchObject({ rows: 1, problem: '' });
  const judged = await cli(['judge', folder]);
  expect(judged.json).toMatchObject({ judged: 1, changed: 0, failed: 0, cost: 0.0002 });
  const rewritten = await cli(['rewrite', folder]);
  expect(rewritten.json).toMatchObject({ rewritten: 1, alike: 0, failed: 0 });
  expect(server.asked.map(({ authorization }) => authorization)).toEqual(Array(4).fill(`Bearer ${KEY}`));
  const last = (await cli(['endpoint', '--off', '--forget-key'])).json as EndpointState;
  expect(last).toMatchObject({ key: { set: false }, usage: { requests: 4, tokensIn: 400, tokensOut: 40 } });
  expect(last.usage.cost).toBeCloseTo(0.0008, 9);
});
