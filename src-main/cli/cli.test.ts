/** @file The command line as a user runs it: real processes, exit codes, JSON, Ctrl-C, an older Node in front. */
import { execFile, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Evaluation, Run } from '../contract/schemas.ts';
import { appRoot, resourcesDir } from '../platform/entries.ts';
import { appVersion } from '../platform/version.ts';
import { copyModel } from '../tensor/testing.ts';
import { buildProgram } from './main.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-cli-'));
const bin = path.join(appRoot, 'bin', 'rrpo-workbench.mjs');
const env = { ...process.env, RRPO_WORKBENCH_HOME: path.join(home, 'user') };
const project = path.join(home, 'project');

type Ended = { code: number; stdout: string; stderr: string };

function cli(...args: string[]): Promise<Ended> {
  return new Promise((resolve) =>
    execFile(process.execPath, [bin, ...args], { env }, (error, stdout, stderr) =>
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        stdout,
        stderr,
      }),
    ),
  );
}

const COMMANDS = [
  'init',
  'import',
  'generate',
  'swap',
  'judge',
  'rewrite',
  'endpoint',
  'reproduce',
  'export',
  'agreement',
  'train',
  'eval',
  'generate-answers',
  'devices',
  'serve',
  'demo',
];

afterAll(() => rmSync(home, { recursive: true, force: true }));

test('version, help of the program and of each command, and wrong usage', async () => {
  const [version, help, train, wrong] = await Promise.all([
    cli('--version'),
    cli('--help'),
    cli('train', '--help'),
    cli('train', home, '--set', 'beta'),
  ]);
  expect(version).toMatchObject({ code: 0, stdout: `${appVersion}\n` });
  expect(help.code).toBe(0);
  expect(train.stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 stopped');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('expected name=value') as string });
  const commands = buildProgram(() => undefined).commands;
  expect(commands.map((command) => command.name())).toEqual(COMMANDS);
  for (const command of commands) {
    expect(help.stdout).toMatch(new RegExp(`^  ${command.name()} `, 'm'));
    expect(command.helpInformation()).toContain('--json');
    expect(command.description()).not.toBe('');
  }
});

test('a project that is none, a bad setting, a missing file: exit code 2, and the place is named', async () => {
  const none = await cli('eval', home, '--json');
  expect(none.code).toBe(2);
  expect(JSON.parse(none.stdout)).toMatchObject({
    error: { code: 'NOT_FOUND', message: expect.stringContaining(home) as string },
  });
  expect((await cli('init', project, '--model', home)).stderr).toContain('config.json');
  expect(existsSync(project), 'nothing half-made').toBe(false);
});

test('init, import, export: videos and samples in, pairs out', async () => {
  const media = path.join(home, 'media');
  mkdirSync(path.join(media, 'clips'), { recursive: true });
  const [first, second] = readdirSync(path.join(resourcesDir, 'sample', 'clips')).filter((f) =>
    f.endsWith('.mp4'),
  );
  for (const clip of [first, second])
    copyFileSync(path.join(resourcesDir, 'sample', 'clips', clip), path.join(media, 'clips', clip));
  const row = (n: number) => ({
    video: `clips/${first}`,
    split: 'train',
    question: `<image>\nQuestion ${n}?`,
    answer: `a red circle ${n}`,
    pred: `a blue square ${n}`,
  });
  writeFileSync(
    path.join(media, 'samples.json'),
    JSON.stringify([
      ...[1, 2, 3, 4].map(row),
      { video: 'x.mp4' },
      { video: `clips/${second}`, split: 'heldout', question: 'Is there a shape?', answer: 'Yes' },
    ]),
  );

  const made = await cli(
    'init',
    project,
    '--name',
    'Test',
    '--model',
    path.join(resourcesDir, 'model'),
    '--json',
  );
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(made.stdout)).toMatchObject({ name: 'Test', modelDir: path.join(resourcesDir, 'model') });
  const imported = await cli('import', project, media, path.join(media, 'samples.json'), '--json');
  expect(imported.code).toBe(0);
  const report = JSON.parse(imported.stdout) as { videos: object; samples: object[] };
  expect(report.videos).toMatchObject({ added: 2 });
  expect(report.samples[0]).toMatchObject({
    imported: 5,
    failed: 1,
    errors: [{ reason: expect.any(String) as string }],
  });

  const out = path.join(home, 'pairs.json');
  const exported = await cli('export', project, out, '--status', 'pending', '--json');
  expect(JSON.parse(exported.stdout)).toMatchObject({ count: 4, path: out });
  const pairs = JSON.parse(readFileSync(out, 'utf8')) as { pred: string; answer_masked: string }[];
  expect(pairs.map((pair) => pair.pred)).toEqual([
    'a blue square 1',
    'a blue square 2',
    'a blue square 3',
    'a blue square 4',
  ]);
  expect(pairs[0].answer_masked).toContain('<MASK>');
});

test('videos that are broken, cut off or gone, and a model without a chat template, are told with file and what to do', async () => {
  const folder = path.join(home, 'unusable');
  const model = path.join(folder, 'model');
  await copyModel(path.join(resourcesDir, 'model'), model);
  rmSync(path.join(model, 'chat_template.json'));
  for (const name of ['tokenizer_config.json', 'processor_config.json']) {
    const file = path.join(model, name);
    const { chat_template: _, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify(rest));
  }
  const clip = path.join(folder, 'clip.mp4');
  copyFileSync(path.join(resourcesDir, 'sample', 'clips', 'clip-0001.mp4'), clip);
  const broken = path.join(folder, 'broken.mp4');
  writeFileSync(broken, 'no video');
  const row = (video: string) => ({ video, split: 'train', question: 'What?', answer: 'A circle.' });
  const rows = path.join(folder, 'rows.json');
  writeFileSync(rows, JSON.stringify([row('clip.mp4'), row('gone.mp4')]));
  const own = path.join(folder, 'project');
  expect((await cli('init', own, '--model', model)).code).toBe(0);

  const cut = path.join(folder, 'cut.mp4');
  const whole = readFileSync(clip);
  writeFileSync(cut, whole.subarray(0, whole.length / 2));
  const told = await cli('import', own, broken, cut, rows);
  expect(told.code).toBe(0);
  expect(told.stdout).toContain('Videos of the project with errors: 3');
  expect(told.stdout).toMatch(
    /broken\.mp4: Expected a video file that FFmpeg can read, got .*copy or download/,
  );
  expect(told.stdout).toMatch(/cut\.mp4: The file is cut off: .* 4 frames could be read/);
  expect(told.stdout).toMatch(/gone\.mp4: No file at .*gone\.mp4\. Add it from where it is\./);

  const out = path.join(folder, 'answers.jsonl');
  const asked = await cli('generate-answers', own, '--split', 'train', '--out', out);
  expect(asked.code).toBe(2);
  expect(asked.stderr).toContain(`${model}: expected a chat template in chat_template.jinja`);
  expect(asked.stderr).toContain('copy its chat template into this folder');
  expect(existsSync(out)).toBe(false);
});

test('Ctrl-C during training stops it, saves, and leaves a run that can go on', async () => {
  // Greedy answers to a blank clip, accepted without review: enough to train on.
  const accepted = JSON.parse(
    (await cli('generate', project, '--recipe', 'blank', '--max-new-tokens', '4', '--accept', '--json'))
      .stdout,
  ) as { accepted: number };
  expect(accepted.accepted).toBeGreaterThanOrEqual(4);
  const settings = [
    '--set',
    'frames=4',
    '--set',
    'loraRank=2',
    '--set',
    'accumulation=1',
    '--set',
    'checkpointEvery=1000',
  ];
  const child = spawn(
    process.execPath,
    [bin, 'train', project, '--set', 'epochs=500', ...settings, '--json'],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stdout = '';
  let stderr = '';
  let interrupted = false;
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const runs = path.join(project, 'runs');
  const poll = setInterval(() => {
    const [id] = readdirSync(runs);
    if (interrupted || id === undefined) return;
    const lines = (() => {
      try {
        return readFileSync(path.join(runs, id, 'metrics.jsonl'), 'utf8').split('\n').length - 1;
      } catch {
        return 0;
      }
    })();
    if (lines < 2) return;
    interrupted = true;
    child.kill('SIGINT');
  }, 50);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(poll);
  expect(stderr).toContain('Stopping; what is done is kept.');
  expect(code).toBe(130);
  const run = JSON.parse(stdout) as Run;
  expect(run).toMatchObject({ state: 'stopped', resumable: true, error: null });
  expect(run.step).toBeGreaterThanOrEqual(2);
  expect(readdirSync(path.join(runs, run.id, 'checkpoints'))).toEqual([
    `step_${String(run.step).padStart(6, '0')}`,
  ]);
});

test('eval scores base and run; generate-answers writes a line per question', async () => {
  const [run] = readdirSync(path.join(project, 'runs'));
  const scored = await cli('eval', project, '--run', run, '--json');
  expect(scored.code).toBe(0);
  const { evaluations, comparisons } = JSON.parse(scored.stdout) as {
    evaluations: Evaluation[];
    comparisons: Record<string, object>;
  };
  expect(evaluations.map((e) => [e.name, e.accuracy.n, e.kl === null])).toEqual([
    ['base', 1, true],
    ['rrpo', 1, false],
  ]);
  expect(comparisons[evaluations[1].id]).toMatchObject({ n: 1 });

  const file = path.join(home, 'answers.jsonl');
  const args = [
    '--split',
    'all',
    '--run',
    run,
    '--recipe',
    'reverse',
    '--max-new-tokens',
    '4',
    '--out',
    file,
  ];
  const answered = await cli('generate-answers', project, ...args);
  expect(answered).toMatchObject({ code: 0, stdout: expect.stringContaining('5 answers in') as string });
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toHaveLength(5);
  // The fifth is about the other clip.
  const references = lines.slice(0, 4).map(({ reference }) => reference);
  expect(references, 'in the order of the questions').toEqual([1, 2, 3, 4].map((n) => `a red circle ${n}`));
  expect(lines[0]).toMatchObject({
    run,
    recipe: [{ op: 'reverse' }],
    reference: 'a red circle 1',
    frames: expect.any(Array) as unknown[],
  });
  expect((await cli('eval', project, '--run', 'r-unknown')).code).toBe(2);
});

test('videos are copied in with --copy, and found again after a move with --find-missing', async () => {
  const inbox = path.join(home, 'inbox');
  mkdirSync(inbox);
  const fixture = (name: string): string => path.join(appRoot, 'src-main/media/fixtures', name);
  copyFileSync(fixture('vp8.webm'), path.join(inbox, 'copied.webm'));
  const other = path.join(home, 'other');
  expect((await cli('init', other)).code).toBe(0);
  const copy = await cli('import', other, inbox, '--copy', '--json');
  expect(JSON.parse(copy.stdout)).toMatchObject({ videos: { added: 1, duplicates: 0, found: 0 } });
  expect(readdirSync(path.join(other, 'videos'))).toEqual(['copied.webm']);
  mkdirSync(path.join(home, 'away'));
  renameSync(path.join(other, 'videos', 'copied.webm'), path.join(home, 'away', 'renamed.webm'));
  const found = await cli('import', other, path.join(home, 'away'), '--find-missing', '--json');
  expect(JSON.parse(found.stdout)).toEqual({ found: 1, missing: 0 });
});

test('Ctrl-C keeps the answers that generate-answers has', async () => {
  const out = path.join(home, 'stopped.jsonl');
  const many = Array.from({ length: 1500 }, (_, n) => ({
    video: 'clips/clip-0001.mp4',
    split: 'train',
    question: `<image>\nAgain ${n}?`,
    answer: 'a red circle',
  }));
  writeFileSync(path.join(home, 'media', 'many.json'), JSON.stringify(many));
  expect((await cli('import', project, path.join(home, 'media', 'many.json'))).code).toBe(0);
  const cache = path.join(project, 'cache');
  /** Stops it so many milliseconds after the clip's features are there and the answers begin; gives what it printed. */
  async function stopAfter(milliseconds: number): Promise<object> {
    rmSync(cache, { recursive: true, force: true });
    const child = spawn(
      process.execPath,
      [bin, 'generate-answers', project, '--split', 'train', '--recipe', 'reverse', '--out', out, '--json'],
      { env, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    const poll = setInterval(() => {
      if (globSync('**/*.safetensors', { cwd: cache }).length === 0) return;
      clearInterval(poll);
      setTimeout(() => child.kill('SIGINT'), milliseconds);
    }, 20);
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(130);
    return JSON.parse(stdout) as object;
  }
  let stopped: { answers?: number } = {};
  // Nothing but the outcome tells that the first answers are there, and a busy machine takes its time for them.
  for (let wait = 1500; wait < 60_000 && stopped.answers === undefined; wait *= 2)
    stopped = await stopAfter(wait);
  expect(stopped).toMatchObject({ file: out, of: 1504 });
  expect(stopped.answers).toBeGreaterThan(0);
  expect(stopped.answers).toBeLessThan(1504);
  expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(stopped.answers!);
});

const old = ['/usr/bin/node', '/usr/local/bin/node'].find((file) => {
  try {
    return readFileSync(file).length > 0;
  } catch {
    return false;
  }
});

test('an older Node in front starts the Node 24 that npm brought', async () => {
  // Whatever Node the machine has: with 24 or newer this is the plain start, with an older one the other branch.
  const { stdout, code } = await new Promise<Ended>((resolve) =>
    execFile(old ?? process.execPath, [bin, '--version'], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : 1, stdout: out, stderr: err }),
    ),
  );
  expect(code).toBe(0);
  expect(stdout).toBe(`${appVersion}\n`);
});
