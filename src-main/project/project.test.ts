/** @file Project folders: creation, lock, versions, moving, and folders that cannot be used. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resourcesDir } from '../platform/entries.ts';
import { bootId } from './lock.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';
import { createProject, openProject } from './project.ts';
import { recentProjects } from './recent.ts';
import { Database } from './sqlite.ts';
import { newId } from './ids.ts';

let home: string;
let oldHome: string | undefined;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-project-'));
  oldHome = process.env.RRPO_WORKBENCH_HOME;
  process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
});
afterEach(() => {
  if (oldHome === undefined) delete process.env.RRPO_WORKBENCH_HOME;
  else process.env.RRPO_WORKBENCH_HOME = oldHome;
  chmodSync(home, 0o755);
  rmSync(home, { recursive: true, force: true });
});
const at = (name: string): string => path.join(home, name);
const lockFile = (folder: string): string => path.join(folder, 'workbench.lock');
const withCode = (code: string, ...parts: string[]): unknown =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(
      new RegExp(parts.map((p) => p.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('.*'), 's'),
    ) as string,
  });

test('create, close, open: the folder has the documented layout and the recent list knows it', async () => {
  const project = await createProject(at('p'), 'My project');
  expect(project.info()).toMatchObject({
    name: 'My project',
    path: at('p'),
    modelDir: null,
    counts: { videos: 0, samples: 0, pairs: 0, runs: 0 },
  });
  await project.setReviewer('Ada');
  project.close();
  for (const part of ['project.json', 'workbench.sqlite', 'cache', 'runs'])
    expect(existsSync(path.join(at('p'), part))).toBe(true);
  expect(existsSync(lockFile(at('p')))).toBe(false);
  const again = await openProject(at('p'));
  expect([again.id, again.reviewer]).toEqual([project.id, 'Ada']);
  again.close();
  await createProject(at('q'), 'Other').then((p) => p.close());
  expect((await recentProjects()).map((r) => [r.name, r.exists])).toEqual([
    ['Other', true],
    ['My project', true],
  ]);
  rmSync(at('q'), { recursive: true });
  expect((await recentProjects())[0]).toMatchObject({ name: 'Other', exists: false });
});

test('a folder with other files, a project, or none is refused with words', async () => {
  mkdirSync(at('full'));
  writeFileSync(path.join(at('full'), 'thesis.tex'), 'x');
  await expect(createProject(at('full'), 'x')).rejects.toThrow(withCode('BAD_INPUT', at('full')));
  await createProject(at('p'), 'p').then((p) => p.close());
  await expect(createProject(at('p'), 'x')).rejects.toThrow(withCode('CONFLICT', at('p')));
  await expect(openProject(at('nowhere'))).rejects.toThrow(withCode('NOT_FOUND', 'project.json'));
});

test('a second open is told who holds the project, also from another process', async () => {
  const project = await createProject(at('p'), 'p');
  await expect(openProject(at('p'))).rejects.toThrow(
    withCode('LOCKED', `process ${process.pid}`, os.hostname()),
  );
  const { stdout, code } = await runNode(`
    import { openProject } from ${JSON.stringify(path.join(import.meta.dirname, 'project.ts'))};
    try { await openProject(${JSON.stringify(at('p'))}); } catch (e) { console.log(e.code, e.message); process.exit(3); }`);
  expect(code).toBe(3);
  expect(stdout).toContain(`LOCKED project: ${at('p')} is already open: process ${process.pid} on`);
  project.close();
  (await openProject(at('p'))).close();
});

test('the lock of a process that died is taken over; one of another machine is not', async () => {
  await createProject(at('p'), 'p').then((p) => p.close());
  const child = await runNode('console.log(process.pid)');
  const dead = Number(child.stdout);
  const write = (holder: object): void => writeFileSync(lockFile(at('p')), JSON.stringify(holder));
  write({ pid: dead, host: os.hostname(), since: Date.now(), token: 'x' });
  (await openProject(at('p'))).close();
  // Our own pid, in a lock that this process did not take: an earlier life of that number.
  write({ pid: process.pid, host: os.hostname(), since: Date.now(), token: 'x' });
  (await openProject(at('p'))).close();
  // A pid that is alive, but the lock is older than this boot of the machine.
  write({ pid: 1, host: os.hostname(), since: Date.now() - os.uptime() * 1000 - 3_600_000, token: 'x' });
  (await openProject(at('p'))).close();
  // The same by the boot's own name; and a holder of this boot lives on, however the clock was set since.
  const boot = bootId();
  if (boot !== null) {
    write({ pid: 1, host: os.hostname(), since: Date.now(), boot: 'another', token: 'x' });
    (await openProject(at('p'))).close();
    write({ pid: 1, host: os.hostname(), since: 0, boot, token: 'x' });
    await expect(openProject(at('p'))).rejects.toThrow(withCode('LOCKED', 'process 1 on'));
    write({ pid: 1, host: os.hostname(), since: Date.now() + 1e10, boot, token: 'x' });
    await expect(openProject(at('p'))).rejects.toThrow(withCode('LOCKED', 'process 1 on'));
  }
  writeFileSync(lockFile(at('p')), '{"pid": 1');
  (await openProject(at('p'))).close();
  write({ pid: dead, host: 'other-machine', since: Date.now(), token: 'x' });
  await expect(openProject(at('p'))).rejects.toThrow(withCode('LOCKED', 'on other-machine'));
});

test('a project of a newer version is refused and left as it is', async () => {
  await createProject(at('p'), 'p').then((p) => p.close());
  const db = new Database(path.join(at('p'), 'workbench.sqlite'));
  db.userVersion = SCHEMA_VERSION + 3;
  db.close();
  await expect(openProject(at('p'))).rejects.toThrow(
    withCode(
      'NEWER_VERSION',
      `version ${SCHEMA_VERSION} or older`,
      `version ${SCHEMA_VERSION + 3}`,
      'workbench.sqlite',
    ),
  );
  expect(existsSync(lockFile(at('p')))).toBe(false);
  const file = path.join(at('p'), 'project.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"version": 1', '"version": 9'));
  await expect(openProject(at('p'))).rejects.toThrow(withCode('NEWER_VERSION', 'version 9', 'project.json'));
});

test('a project of an older version is brought forward, with what is in it', async () => {
  await createProject(at('p'), 'p').then((p) => p.close());
  const file = path.join(at('p'), 'workbench.sqlite');
  const schema = (db: Database): string[] =>
    db
      .prepare<{ sql: string }>(`SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name`)
      .all()
      .map((row) => row.sql);
  const newest = new Database(file);
  const expected = schema(newest);
  newest.close();
  rmSync(file);
  const db = new Database(file);
  migrate(db, 1);
  expect(schema(db).length).toBeLessThan(expected.length);
  db.insert('videos', { id: 'v', name: 'n', path: '/x', state: 'queued', split: 'train', created_at: 0 });
  db.close();
  const project = await openProject(at('p'));
  expect(project.db.userVersion).toBe(SCHEMA_VERSION);
  expect(project.info().counts.videos).toBe(1);
  expect(schema(project.db)).toEqual(expected);
  project.close();
});

test('pairs of an older version get the family of their recipe and the kinds of their phrases', async () => {
  await createProject(at('p'), 'p').then((p) => p.close());
  const file = path.join(at('p'), 'workbench.sqlite');
  rmSync(file);
  const db = new Database(file);
  migrate(db, 8);
  db.insert('videos', { id: 'v', name: 'n', path: '/x', state: 'queued', split: 'train', created_at: 0 });
  const sample = { video_id: 'v', question: 'q', type: 'short', chosen: 'a', source: 'f', created_at: 0 };
  db.insert('samples', { id: 's', ...sample, fingerprint: new Uint8Array(16) });
  const add = (id: string, provenance: object, kinds: string[] = []): void =>
    db.insert('pairs', {
      id,
      sample_id: 's',
      chosen: 'a',
      rejected: id,
      phrases: JSON.stringify([{ number: 1 }, ...kinds.map((kind) => ({ kind }))]),
      status: 'pending',
      version: 1,
      lints: '[]',
      provenance: JSON.stringify(provenance),
      video_id: 'v',
      type: 'short',
      source: 'kind' in provenance && provenance.kind === 'generated' ? 'recipe:x' : 'import:f',
      origin: new Uint8Array(16),
      created_at: 0,
      updated_at: 0,
    });
  add('frozen', { kind: 'generated', recipe: [{ op: 'mask' }, { op: 'freeze' }] }, [
    'object',
    'action',
    'object',
  ]);
  add('masked', { kind: 'generated', recipe: [{ op: 'mask' }] });
  add('clean', { kind: 'generated', recipe: [] });
  add('unsaid', { kind: 'generated' });
  add('imported', { kind: 'imported' }, ['time']);
  db.close();
  const project = await openProject(at('p'));
  const rows = project.db
    .prepare<Record<string, string | null>>('SELECT id, family, kinds FROM pairs ORDER BY seq')
    .all();
  expect(rows.map((row) => Object.values(row))).toEqual([
    ['frozen', 'language-prior', '["action","object"]'],
    ['masked', 'spatio-temporal', '[]'],
    ['clean', null, '[]'],
    ['unsaid', null, '[]'],
    ['imported', null, '["time"]'],
  ]);
  project.close();
});

test('a damaged project.json names the file and the place', async () => {
  await createProject(at('p'), 'p').then((p) => p.close());
  const file = path.join(at('p'), 'project.json');
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, good.slice(0, 40));
  await expect(openProject(at('p'))).rejects.toThrow(withCode('CORRUPT', file));
  writeFileSync(file, good.replace('"reviewer"', '"reviwer"'));
  await expect(openProject(at('p'))).rejects.toThrow(withCode('CORRUPT', 'reviewer'));
  writeFileSync(file, good);
  rmSync(path.join(at('p'), 'workbench.sqlite'));
  await expect(openProject(at('p'))).rejects.toThrow(withCode('NOT_FOUND', 'workbench.sqlite'));
});

test('a folder that may not be written is told as such', async () => {
  await createProject(at('p'), 'p').then((p) => p.close());
  // Root may write anywhere: become somebody else for the moment of the attempt.
  const root = process.geteuid?.() === 0;
  chmodSync(home, 0o755);
  chmodSync(at('p'), 0o555);
  if (root) process.seteuid!(65534);
  try {
    await expect(openProject(at('p'))).rejects.toThrow(withCode('UNAVAILABLE', 'read-only', at('p')));
    await expect(createProject(path.join(at('p'), 'sub'), 'x')).rejects.toThrow(
      withCode('UNAVAILABLE', 'EACCES'),
    );
  } finally {
    if (root) process.seteuid!(0);
    chmodSync(at('p'), 0o755);
  }
  (await openProject(at('p'))).close();
});

test('a model among the app resources is stored so that it survives moving', async () => {
  const model = path.join(home, 'model');
  mkdirSync(model);
  const project = await createProject(at('p'), 'p');
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
    await expect(project.setModelDir(model)).rejects.toThrow(withCode('NOT_FOUND', name));
    writeFileSync(path.join(model, name), '{}');
  }
  await project.setModelDir(model);
  expect(project.modelDir).toBe(model);
  const inside = path.join(at('p'), 'my-model');
  cpSync(model, inside, { recursive: true });
  await project.setModelDir(inside);
  project.close();
  renameSync(at('p'), at('moved'));
  const moved = await openProject(at('moved'));
  expect(moved.modelDir).toBe(path.join(at('moved'), 'my-model'));
  expect(moved.portablePath(path.join(resourcesDir, 'model'))).toBe('app:model');
  moved.close();
});

test('ids sort by creation and do not repeat, also when the clock is set back by a year', () => {
  const now = Date.now();
  const before = newId('p', now);
  const after = newId('p', now - 365 * 86_400_000);
  expect(after > before).toBe(true);
  const ids = Array.from({ length: 50_000 }, (_, i) => newId('p', i < 10 ? now + 5 : now));
  expect(new Set(ids).size).toBe(50_000);
  expect([...ids].sort()).toEqual(ids);
  expect(ids[0]).toMatch(/^p-[0-9a-z]{16}$/);
});

function runNode(code: string): Promise<{ stdout: string; code: number | null }> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  return new Promise((resolve) =>
    child.on('close', (exit) => resolve({ stdout: stdout.trim(), code: exit })),
  );
}
