/**
 * @file Nothing is lost (R7): the host is killed two hundred times in the middle of typing, with the window's own autosave over the
 * real socket, and ten times with real keys in a real browser; the time from a key to the disk; a full disk.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RPCLink } from '@orpc/client/websocket';
import type { Page } from '@playwright/test';
import { WebSocket } from 'ws';
import type { Pair, Phrase } from '../src-main/contract/schemas.ts';
import { createApi, type Api } from '../src-renderer/client/client.ts';
import { createAutosave } from '../src-renderer/composables/autosave.ts';
import { exited, expect, startCli, startServe, test, type ServeHost } from './fixtures.ts';
import { readProject } from './project-file.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const KILLS = 200;
/** Each round types for so long before it is killed, in milliseconds: a minute in all. */
const ROUND_MS = [150, 450] as const;
const KEY_MS = 12;
const BROWSER_KILLS = 10;
const LATENCY_KEYS = 60;
const LATENCY_ROUNDS = 10;
/** Typed on a full disk: more than fits into what the host gives back of files that it could not finish. */
const FILLER = 'x'.repeat(9000);
const ANSWER = 'The red circle stays where it is.';

type Content = { chosen: string; rejected: string; phrases: Phrase[] };
type Row = Content & { id: string; version: number; status: string };
const contentOf = ({ chosen, rejected, phrases }: Content): string =>
  JSON.stringify([
    chosen,
    rejected,
    phrases.map((phrase) => [phrase.number, phrase.chosen, phrase.rejected]),
  ]);
const between = (low: number, high: number): number => low + Math.random() * (high - low);
/** Measured numbers belong into the report, whichever reporter it is. */
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (list: number[], q: number): number =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

/** A project with one clip and some pairs, made by the command line. */
async function makeProject(home: string, folder: string): Promise<void> {
  const clips = path.join(ROOT, 'resources', 'sample', 'clips');
  const rows = ['left', 'right', 'up'].map((way) => ({
    video: path.join(clips, 'clip-0001.mp4'),
    question: `Does the circle move ${way}?`,
    answer: `The red circle moves to the ${way}.`,
    pred: ANSWER,
  }));
  const file = path.join(home, 'rows.json');
  writeFileSync(file, JSON.stringify(rows));
  for (const args of [
    ['init', folder],
    ['import', folder, file],
  ]) {
    const child = startCli(home, [...args, '--json']);
    child.stdout.resume();
    await exited(child);
    expect(child.exitCode, args.join(' ')).toBe(0);
  }
}

/** What is on the disk, read without the workbench; every time with SQLite's own check of the file. */
function readRow(folder: string, id: string | null): Row {
  expect(readProject(folder, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  const [row] = readProject<Omit<Row, 'phrases'> & { phrases: string }>(
    folder,
    `SELECT id, chosen, rejected, phrases, version, status FROM pairs
     ${id === null ? 'ORDER BY seq LIMIT 1' : 'WHERE id = ?'}`,
    ...(id === null ? [] : [id]),
  );
  return { ...row, phrases: JSON.parse(row.phrases) as Phrase[] };
}

/** The window's client on a host's real socket. */
async function connect(host: ServeHost): Promise<{ api: Api; close: () => void }> {
  const { port, searchParams, origin } = new URL(host.url);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, {
    headers: { cookie: `rrpo_workbench_${port}=${searchParams.get('token')}`, origin },
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const link = new RPCLink({ websocket: socket });
  return {
    api: createApi({ call: (...args) => link.call(...args), onChange: () => undefined }),
    close: () => socket.terminate(),
  };
}

/** Types into a pair with the window's autosave until `until`; tells what it typed and what it was told is saved. */
async function typeInto(
  api: Api,
  pair: Pair,
  round: number,
  until: number,
): Promise<{ typed: Content[]; acknowledged: number; delays: number[] }> {
  const typed: Content[] = [pair];
  const times: number[] = [0];
  const delays: number[] = [];
  let acknowledged = 0;
  const autosave = createAutosave<Content, Pair>(pair.version, {
    save: (draft, baseVersion) => api.pairs.save({ pairId: pair.id, baseVersion, ...draft }),
    load: () => api.pairs.get({ pairId: pair.id }),
    same: (draft, stored) => contentOf(draft) === contentOf(stored),
    failureOf: (error) => ({ kind: 'connection', message: String(error) }),
    onState(state) {
      // "Saved" means everything typed so far.
      if (state.kind !== 'saved' || acknowledged === typed.length - 1) return;
      delays.push(performance.now() - times[acknowledged + 1]);
      acknowledged = typed.length - 1;
    },
    onStored: () => undefined,
  });
  let rejected = `Round ${round}: `;
  for (let key = 0; performance.now() < until; key++) {
    rejected += String.fromCharCode(97 + (key % 26));
    // Now and then a mark is made or taken away, as a person does between words.
    const quote = `Round ${round}`;
    const marked = key % 9 > 4;
    const phrases: Phrase[] = marked
      ? [
          {
            id: 'm',
            number: 1,
            origin: 'person',
            chosen: null,
            rejected: { start: 0, end: quote.length, quote },
          },
        ]
      : [];
    const draft = { chosen: pair.chosen, rejected, phrases };
    typed.push(draft);
    times.push(performance.now());
    autosave.edit(draft);
    await pause(KEY_MS);
  }
  autosave.dispose();
  return { typed, acknowledged, delays };
}

/** Opens the window on one pair. */
async function openPair(page: Page, host: ServeHost, id: string): Promise<void> {
  await host.open(page);
  // Before the window knows of the project every room leads to the welcome page.
  await expect(page.getByTestId('project-menu')).toBeVisible();
  await page.goto(new URL(`/#/review/${id}`, host.url).href);
  await expect(page.getByTestId('editor-rejected')).toBeVisible();
}

test.describe('nothing is lost', () => {
  let folder = '';
  const hosts: Promise<ServeHost>[] = [];
  const start = (project: string | null = null, env: Record<string, string> = {}): Promise<ServeHost> => {
    const host = startServe(folder, project, env);
    hosts.push(host);
    return host;
  };
  test.beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-durable-'));
  });
  test.afterEach(async () => {
    // Those of a test that failed still run.
    for (const host of hosts.splice(0)) await host.then((started) => started.kill()).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  test(`${KILLS} kills of the host while the window's autosave is typing`, async ({ browserName }, info) => {
    test.skip(info.project.name !== 'serve' || browserName !== 'chromium', 'the host of this test is serve');
    test.setTimeout(420_000);
    const project = path.join(folder, 'project');
    await makeProject(folder, project);
    const { id } = readRow(project, null);
    // The next host starts while this one is typed into, so that a round costs typing and opening, not starting.
    let next = start();
    let lived = '';
    let last: { typed: Content[]; acknowledged: number } | null = null;
    const delays: number[] = [];
    const opened: number[] = [];
    let keys = 0;
    let saved = 0;
    const begun = performance.now();
    for (let round = 0; round <= KILLS; round++) {
      const host = await next;
      const line = await connect(host);
      const { api } = line;
      const asked = performance.now();
      await api.project.open({ path: project }); // takes over the lock of the one that was killed, and checks the file
      opened.push(performance.now() - asked);
      const pair = await api.pairs.get({ pairId: id });
      const row = readRow(project, id);
      expect(contentOf(pair)).toBe(contentOf(row));
      if (last) {
        // What is there was typed, and nothing that was called saved is missing.
        const at = last.typed.findLastIndex((draft) => contentOf(draft) === contentOf(row));
        expect(at, `round ${round}, ${lived}: "${row.rejected}"`).toBeGreaterThanOrEqual(last.acknowledged);
      }
      // Undo goes on behind the restart, and comes back.
      if (pair.canUndo) {
        const before = await api.pairs.undo({ pairId: id });
        expect(contentOf(before)).not.toBe(contentOf(pair));
        expect(contentOf(await api.pairs.redo({ pairId: id }))).toBe(contentOf(pair));
      } else expect(round).toBe(0);
      if (round === KILLS) {
        line.close();
        await host.stop();
        break;
      }
      next = start();
      const current = await api.pairs.get({ pairId: id });
      const status = (['pending', 'accepted', 'second_look'] as const)[round % 3];
      await api.pairs.setStatus({ pairIds: [id], status });
      const started = await api.pairs.get({ pairId: id });
      expect(started.version).toBeGreaterThanOrEqual(current.version);
      const typing = typeInto(api, started, round, performance.now() + ROUND_MS[1] + 100);
      const life = between(...ROUND_MS);
      lived = `killed after ${life.toFixed(0)} ms`;
      await pause(life);
      await host.kill();
      line.close();
      last = await typing;
      delays.push(...(last as Awaited<typeof typing>).delays);
      keys += last.typed.length - 1;
      saved += last.acknowledged;
      expect(readRow(project, id).status).toBe(status);
    }
    const seconds = (performance.now() - begun) / 1000;
    say(
      `  ${KILLS} kills in ${seconds.toFixed(0)} s, ${keys} keys, ${saved} acknowledged; edit to acknowledgement median ${percentile(delays, 0.5).toFixed(0)} ms, 95 % ${percentile(delays, 0.95).toFixed(0)} ms; opening a project after a kill median ${percentile(opened, 0.5).toFixed(0)} ms`,
    );
    expect(saved).toBeGreaterThan(KILLS * 5);
    // The next host starts on the same cores meanwhile: the bar for the slowest is held by the browser test below, where nothing else runs.
    expect(percentile(delays, 0.5)).toBeLessThan(100);
  });

  /** Notes in the page what the indicator calls saved, and how long after the key. */
  async function watchSaves(page: Page): Promise<void> {
    await page.evaluate(() => {
      const w = window as unknown as {
        acknowledged: string;
        delays: number[];
        key: number | null;
        stop?: () => void;
      };
      w.stop?.();
      w.delays = [];
      w.key = null;
      // The numbers on the marks are drawn inside the editor and are no text.
      const text = (): string => {
        const copy = document.querySelector('[data-testid="editor-rejected"]')!.cloneNode(true) as Element;
        copy.querySelectorAll('[aria-hidden]').forEach((drawn) => drawn.remove());
        return copy.textContent ?? '';
      };
      w.acknowledged = text();
      const listening = new AbortController();
      addEventListener('keydown', (event) => (w.key ??= event.timeStamp), {
        capture: true,
        signal: listening.signal,
      });
      const observer = new MutationObserver(() => {
        if (document.querySelector('[data-testid="save-state"]')?.getAttribute('data-state') !== 'saved')
          return;
        w.acknowledged = text();
        if (w.key !== null) w.delays.push(performance.now() - w.key);
        w.key = null;
      });
      observer.observe(document.body, { attributes: true, attributeFilter: ['data-state'], subtree: true });
      w.stop = () => {
        listening.abort();
        observer.disconnect();
      };
    });
  }
  const noted = (page: Page): Promise<{ acknowledged: string; delays: number[] }> =>
    page.evaluate(() => {
      const w = window as unknown as { acknowledged: string; delays: number[] };
      return { acknowledged: w.acknowledged, delays: w.delays };
    });

  test(`${BROWSER_KILLS} kills with real keys in a browser, and the time from a key to the disk`, async ({
    page,
  }, info) => {
    test.skip(info.project.name !== 'serve', 'the host of this test is serve');
    const project = path.join(folder, 'project');
    await makeProject(folder, project);
    const { id } = readRow(project, null);
    let host = await start(project);
    for (let round = 0; round < BROWSER_KILLS; round++) {
      await openPair(page, host, id);
      const editor = page.getByTestId('editor-rejected');
      const before = readRow(project, id).rejected;
      await watchSaves(page);
      expect((await noted(page)).acknowledged).toBe(before);
      await editor.click();
      await page.keyboard.press('Control+End');
      const words = ` round ${round} of typing, which goes on for longer than the host will live this time`;
      const typing = page.keyboard.type(words, { delay: 15 });
      // A random moment of typing, once something has been called saved: otherwise there is nothing to lose.
      await expect.poll(async () => (await noted(page)).acknowledged, { intervals: [10] }).not.toBe(before);
      const life = between(0, 400);
      await pause(life);
      await host.kill();
      await typing;
      const { acknowledged } = await noted(page);
      host = await start(project);
      const after = readRow(project, id).rejected;
      // What did not get there is not called saved.
      if (after !== before + words)
        await expect(page.getByTestId('save-state')).not.toHaveAttribute('data-state', 'saved');
      const what = `round ${round}, killed ${life.toFixed(0)} ms after a save: "${acknowledged}" in "${after}"`;
      expect(after.startsWith(acknowledged), what).toBe(true);
      expect((before + words).startsWith(after)).toBe(true);
      expect(after.length).toBeGreaterThan(before.length);
    }
    await openPair(page, host, id);
    const editor = page.getByTestId('editor-rejected');
    // Undo leads back over all of them.
    for (let row = readRow(project, id); row.rejected !== ANSWER; row = readRow(project, id)) {
      await page.getByRole('button', { name: 'Undo' }).click();
      await expect.poll(() => readRow(project, id).version).toBeGreaterThan(row.version);
    }
    await expect(page.getByRole('button', { name: 'Undo' })).toBeDisabled();

    // Other work on the machine can only make this slower: the best of a few rounds is what the workbench needs.
    let best = Infinity;
    for (let round = 0; round < LATENCY_ROUNDS && best >= 100; round++) {
      await watchSaves(page);
      await editor.click();
      for (let i = 0; i < LATENCY_KEYS; i++) {
        await page.keyboard.press('a');
        await expect.poll(async () => (await noted(page)).delays.length, { intervals: [5] }).toBe(i + 1);
      }
      const { delays } = await noted(page);
      best = Math.min(best, percentile(delays, 0.95));
      say(
        `  key to disk over ${delays.length} keys: median ${percentile(delays, 0.5).toFixed(0)} ms, 95 % ${percentile(delays, 0.95).toFixed(0)} ms, longest ${Math.max(...delays).toFixed(0)} ms`,
      );
    }
    expect(best).toBeLessThan(100);
    await host.stop();
  });

  test('a full disk is shown as not saved, and saves by itself once there is space', async ({
    page,
  }, info) => {
    test.skip(info.project.name !== 'serve', 'the host of this test is serve');
    const disk = smallDisk(folder);
    say(`  full disk by ${disk.how}`);
    try {
      const project = path.join(disk.folder, 'project');
      await makeProject(folder, project);
      const { id } = readRow(project, null);
      const host = await start(project, disk.env(project));
      await openPair(page, host, id);
      const editor = page.getByTestId('editor-rejected');
      const state = page.getByTestId('save-state');
      await editor.click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type(' Before.');
      await expect(state).toHaveAttribute('data-state', 'saved');
      disk.fill(project);
      await page.keyboard.type(' While it is full. ');
      await page.keyboard.insertText(FILLER);
      await expect(state).toHaveAttribute('data-state', 'failed');
      const trouble = page.getByRole('alert').filter({ hasText: 'The edit could not be saved.' });
      await expect(trouble).toContainText('no space left');
      await pause(2500); // it has been tried again, and still says so
      await expect(state).toHaveAttribute('data-state', 'failed');
      await expect(editor).toContainText('While it is full.');
      expect(readRow(project, id).rejected).not.toContain(FILLER);
      disk.free(project);
      await expect(state).toHaveAttribute('data-state', 'saved');
      await expect(trouble).toBeHidden();
      expect(readRow(project, id).rejected).toContain(`While it is full. ${FILLER}`);
      await host.stop();
    } finally {
      disk.dispose();
    }
  });
});

/** A disk that can be filled: a small file system where one may be mounted, else a limit on the database's pages. */
function smallDisk(folder: string): {
  how: string;
  folder: string;
  env: (project: string) => Record<string, string>;
  fill: (project: string) => void;
  free: (project: string) => void;
  dispose: () => void;
} {
  const mounted = path.join(folder, 'disk');
  mkdirSync(mounted);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', mounted], { stdio: 'ignore' });
  } catch {
    return limitedDatabase(mounted);
  }
  const ballast = path.join(mounted, 'ballast');
  return {
    how: 'a tmpfs of 16 MB, filled with a file',
    folder: mounted,
    env: () => ({}),
    // Written until the file system itself says no: the host writes meanwhile, so a figure of what is free is old at once.
    fill: () => {
      const blocks = [1 << 20, 4096].map((bytes) => new Uint8Array(bytes));
      const file = openSync(ballast, 'a');
      try {
        for (const block of blocks) while (fits(() => writeSync(file, block) === block.length));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    dispose: () => void execFileSync('umount', ['-l', mounted]),
  };
}

/** Whether there was room for all that `write` writes; SQLite says 13 (SQLITE_FULL) when there was not. */
function fits(write: () => boolean): boolean {
  try {
    return write();
  } catch (error) {
    const { code, errcode } = error as { code?: string; errcode?: number };
    if (code === 'ENOSPC' || errcode === 13) return false;
    throw error;
  }
}

function limitedDatabase(folder: string): ReturnType<typeof smallDisk> {
  const run = (project: string, work: (db: DatabaseSync) => void): void => {
    const db = new DatabaseSync(path.join(project, 'workbench.sqlite'), { timeout: 5000 });
    work(db);
    db.close();
  };
  const pages = 2000;
  return {
    how: `max_page_count ${pages} (RRPO_WORKBENCH_TEST_MAX_PAGES): mounting is not permitted here`,
    folder,
    env: () => ({ RRPO_WORKBENCH_TEST_MAX_PAGES: String(pages) }),
    // A table of blanks until the file has its pages; dropped again, they are free.
    fill: (project) =>
      run(project, (db) => {
        db.exec(`PRAGMA max_page_count = ${pages}; CREATE TABLE ballast (x)`);
        const add = db.prepare('INSERT INTO ballast VALUES (zeroblob(?))');
        for (const bytes of [1 << 20, 4000]) while (fits(() => add.run(bytes).changes === 1));
      }),
    free: (project) => run(project, (db) => db.exec('DROP TABLE ballast')),
    dispose: () => undefined,
  };
}
