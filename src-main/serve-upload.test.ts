/** @file Dropped files over the loopback server: who may send, what becomes of them, and that nothing stays of what failed. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Video } from './contract/schemas.ts';
import { VideoLibrary } from './library/videos.ts';
import { startServer, type Server } from './serve.ts';
import { Workbench } from './services/workbench.ts';

const CLIP = path.join(import.meta.dirname, 'media/fixtures/hevc.mp4');
const OTHER = path.join(import.meta.dirname, 'media/fixtures/vp8.webm');
const TOKEN = 'a-token-of-sufficient-length';

let home: string;
let workbench: Workbench;
let server: Server;
beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'upload-'));
  process.env.RRPO_WORKBENCH_HOME = path.join(home, 'user');
  await writeFile(path.join(home, 'index.html'), '<title>window</title>');
  workbench = new Workbench('serve');
  server = await startServer({ workbench, token: TOKEN, windowDir: home });
});
afterAll(async () => {
  await server.close();
  await workbench.dispose();
  delete process.env.RRPO_WORKBENCH_HOME;
  await rm(home, { recursive: true });
});
let count = 0;
beforeEach(async () => {
  await workbench.createProject(path.join(home, `project ${count++} "ü"`), 'p');
});

const videosDir = (): string => path.join(workbench.requireProject().path, 'videos');
const stored = (): string[] => (existsSync(videosDir()) ? readdirSync(videosDir()).sort() : []);
const videos = (): VideoLibrary => new VideoLibrary(workbench.requireProject());

type Sent = { status: number; body: Record<string, unknown> };

/** Sends `bytes` as a browser does; `headers` overrides, `cut` closes the connection after that many bytes. */
function put(
  name: string,
  bytes: Uint8Array,
  {
    kind = 'video',
    headers = {},
    cut,
  }: { kind?: string; headers?: Record<string, string>; cut?: number } = {},
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: server.port,
        method: 'PUT',
        path: `/upload?kind=${kind}&name=${encodeURIComponent(name)}`,
        headers: {
          cookie: `rrpo_workbench_${server.port}=${TOKEN}`,
          origin: `http://127.0.0.1:${server.port}`,
          'content-length': String(bytes.length),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text };
          resolve({ status: response.statusCode ?? 0, body: json });
        });
      },
    );
    call.on('error', reject);
    if (cut === undefined) call.end(bytes);
    else {
      call.write(bytes.subarray(0, cut));
      // Not before the server is writing.
      void expect
        .poll(() => stored().length)
        .toBe(1)
        .then(() => call.destroy(new Error('cut')), reject);
    }
  });
}

test('a dropped clip is copied into the project whole, added, looked into; a second time it is recognised', async () => {
  const bytes = readFileSync(CLIP);
  const first = await put('My "clip" – ä 日本.mp4', bytes);
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ outcome: 'added' });
  expect(stored()).toEqual(['My _clip_ – ä 日本.mp4']);
  expect(readFileSync(first.body.path as string)).toEqual(bytes);
  const video = (): Video => videos().get(first.body.videoId as string);
  await expect.poll(() => video().playback).toBe('proxy');
  expect(video()).toMatchObject({
    state: 'ready',
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  expect(await put('again.mp4', bytes)).toMatchObject({
    status: 200,
    body: { outcome: 'duplicate', videoId: first.body.videoId },
  });
  expect(stored()).toHaveLength(1);
  // The copy was lost: the next drop brings the video back.
  rmSync(first.body.path as string);
  videos().refresh();
  expect(await put('back.mp4', bytes)).toMatchObject({
    body: { outcome: 'found', videoId: first.body.videoId },
  });
  expect(videos().list()).toMatchObject([{ state: 'ready', name: 'back.mp4' }]);
});

test('two clips of one name, at the same time, become two files', async () => {
  const sent = await Promise.all([put('a.mp4', readFileSync(CLIP)), put('a.mp4', readFileSync(OTHER))]);
  expect(sent.map((s) => s.body.outcome)).toEqual(['added', 'added']);
  expect(stored()).toEqual(['a (2).mp4', 'a.mp4']);
});

test('a table of answers is kept for the import', async () => {
  const sent = await put('answers.jsonl', Buffer.from('{"a":1}\n'), { kind: 'table' });
  expect(sent).toMatchObject({ status: 200, body: { outcome: 'added', videoId: null } });
  expect(path.relative(workbench.requireProject().path, sent.body.path as string)).toBe(
    path.join('imports', 'answers.jsonl'),
  );
});

test('only our own page with the token may send, and only with a length', async () => {
  const bytes = readFileSync(CLIP);
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await put('x.mp4', bytes, { headers })).status;
  expect(await status({ origin: 'http://evil.example' })).toBe(403);
  expect(await status({ origin: '' })).toBe(403);
  expect(await status({ cookie: 'rrpo_workbench_1=x' })).toBe(401);
  expect(await status({ host: 'evil.example' })).toBe(403);
  const chunked = await fetch(`http://127.0.0.1:${server.port}/upload?kind=video&name=x.mp4`, {
    method: 'PUT',
    headers: {
      cookie: `rrpo_workbench_${server.port}=${TOKEN}`,
      origin: `http://127.0.0.1:${server.port}`,
    },
    body: new Blob([bytes]).stream(),
    duplex: 'half',
  });
  expect(chunked.status).toBe(411);
  expect(stored()).toEqual([]);
});

test('names do not leave the folder', async () => {
  for (const name of [
    '../../evil.mp4',
    '..\\evil.mp4',
    '/etc/evil.mp4',
    '.evil.mp4',
    'evil.mp4/..',
    'CON.mp4',
  ]) {
    const sent = await put(name, randomBytes(300));
    if (sent.status === 200) expect(path.dirname(sent.body.path as string)).toBe(videosDir());
  }
  expect(stored()).toEqual(['CON_.mp4', 'evil (2).mp4', 'evil (3).mp4', 'evil (4).mp4', 'evil.mp4', 'file']);
  const long = await put(`${'ä'.repeat(400)}.mp4`, randomBytes(300));
  expect(long.status).toBe(200);
  expect(Buffer.byteLength(path.basename(long.body.path as string))).toBeLessThanOrEqual(200);
});

test('a cancelled upload, an empty file and one larger than the disk leave nothing', async () => {
  const big = randomBytes(4 << 20);
  await expect(put('big.mp4', big, { cut: 1 << 20 })).rejects.toThrow('cut');
  await expect.poll(() => stored()).toEqual([]);
  expect(await put('empty.mp4', new Uint8Array())).toMatchObject({
    status: 422,
    body: { code: 'BAD_INPUT' },
  });
  // Refused before a byte is written; the answer arrives although the body was never read.
  expect(
    await put('huge.mp4', big, { headers: { 'content-length': '900000000000000' } }).catch(String),
  ).toMatchObject({ status: 422, body: { code: 'DISK_FULL' } });
  expect(stored()).toEqual([]);
  expect(videos().list()).toEqual([]);
});

test('what a process that died while copying has left is removed when the project is opened', async () => {
  const { path: folder } = workbench.requireProject();
  mkdirSync(videosDir(), { recursive: true });
  await writeFile(path.join(videosDir(), 'clip.mp4.0123456789ab.tmp'), 'half');
  await writeFile(path.join(videosDir(), 'kept.tmp'), 'mine');
  await workbench.closeProject();
  await workbench.openProject(folder);
  const { resumeVideoWork } = await import('./services/video-jobs.ts');
  resumeVideoWork(workbench);
  await expect.poll(() => stored()).toEqual(['kept.tmp']);
});

test('without a project there is nowhere to put a file', async () => {
  await workbench.closeProject();
  expect(await put('x.mp4', readFileSync(CLIP))).toMatchObject({ status: 422, body: { code: 'NOT_FOUND' } });
});
