/**
 * @file The window on a project of 100,000 samples and as many pairs, through the real `serve` in Chromium: opening it, searching,
 * filtering and sorting until the rows are on the screen, and scrolling both long lists by wheel and by dragging. Needs a built window
 * (`npm run build`). Run: `node bench/window.ts [--rows 100000] [--keep FOLDER]`; a kept folder is used again by the next run.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type CDPSession, type Page } from '@playwright/test';
import { ensureChromium, HEADLESS_ARGS } from '../scripts/chromium.ts';
import { largeProject } from './_large-project.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { rows: { type: 'string', default: '100000' }, keep: { type: 'string' } },
});
const N = Number(values.rows);

/** Bars of product.md L8 and of a screen that refreshes 60 times a second. */
const OPEN_MS = 2000;
const ANSWER_MS = 100;
const FRAME_MS = 1000 / 60;
/** Times each answer is measured; the table has the median and the worst. */
const REPEATS = 5;

async function startServe(home: string, folder: string): Promise<{ url: string; child: ChildProcess }> {
  const bin = path.join(ROOT, 'bin', 'rrpo-workbench.mjs');
  const child = spawn(process.execPath, [bin, 'serve', folder, '--json'], {
    env: { ...process.env, RRPO_WORKBENCH_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /"url":\s*"([^"]+)"/.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(`bench: expected an address from serve, got ${text}`)));
  });
  return { url, child };
}

/** Waits, frame by frame, until an expression is true in the page; its CSP forbids Playwright's own way. */
function shown(page: Page, expression: string): Promise<unknown> {
  return page.evaluate(
    `(async () => { while (!(${expression})) await new Promise(requestAnimationFrame); })()`,
  );
}

type Line = { what: string; median: number; worst: number; bar: number | null; note: string };
const lines: Line[] = [];
function note(what: string, times: readonly number[], bar: number | null, text = ''): void {
  const sorted = times.toSorted((a, b) => a - b);
  lines.push({ what, median: sorted[sorted.length >> 1], worst: sorted.at(-1)!, bar, note: text });
}

/** Milliseconds between the newest frame sent and the last one received: what the services and the line took. */
type Wire = { sent: number; received: number };

/** From `act` until the page shows what `until` (run in the page) waits for; measured inside the page, frame by frame. */
async function toScreen(page: Page, wire: Wire, act: () => Promise<unknown>, until: string) {
  await page.evaluate(`void (window.__shown = (async () => {
    await new Promise((resolve) => addEventListener('bench-act', resolve, { once: true, capture: true }));
    const started = performance.now();
    for (;;) {
      await new Promise(requestAnimationFrame);
      if (${until}) return performance.now() - started;
      if (performance.now() - started > 20000) throw new Error('bench: not shown after 20 s');
    }
  })())`);
  await act();
  const screen = await page.evaluate<number>('window.__shown');
  return { screen, server: wire.received - wire.sent };
}

/** Times one change of a list, there and back, so that each turn begins the same. */
async function answer(
  page: Page,
  wire: Wire,
  what: string,
  act: string,
  until: string,
  back: () => Promise<void>,
): Promise<void> {
  const screen: number[] = [];
  const server: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const run = () => page.evaluate(`(() => { dispatchEvent(new Event('bench-act')); ${act} })()`);
    const times = await toScreen(page, wire, run, until);
    screen.push(times.screen);
    server.push(times.server);
    await back();
  }
  note(`${what}: on the screen`, screen, ANSWER_MS);
  note(`${what}: services and line`, server, ANSWER_MS);
}

/** Sets a text field as typing its last letter does. */
const type = (label: string, text: string): string => `
  const field = document.querySelector('input[aria-label="${label}"]');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, ${JSON.stringify(text)});
  field.dispatchEvent(new Event('input', { bubbles: true }));`;

/** Frame intervals and main-thread work while `act` goes on. */
async function smooth(page: Page, cdp: CDPSession, what: string, act: () => Promise<unknown>): Promise<void> {
  const busy = async (): Promise<number> => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1000;
  };
  await page.evaluate(`
    window.__frames = []; window.__long = []; window.__watching = true;
    new PerformanceObserver((list) => window.__long.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
    (function frame(last) { requestAnimationFrame((now) => { window.__frames.push(now - last); if (window.__watching) frame(now); }); })(performance.now());`);
  const before = await busy();
  await act();
  const used = (await busy()) - before;
  await page.evaluate('window.__watching = false');
  const frames = await page.evaluate<number[]>('window.__frames');
  const long = await page.evaluate<number[]>('window.__long');
  const late = frames.filter((ms) => ms > 1.5 * FRAME_MS).length;
  note(
    `${what}: between frames`,
    frames.slice(1),
    null,
    `${frames.length} frames, ${late} late, ${long.length} tasks over 50 ms`,
  );
  note(`${what}: main thread a frame`, [used / frames.length], FRAME_MS);
}

/** The wheel, as a hand turns it: 120 notches. */
async function wheel(page: Page, box: { x: number; y: number }): Promise<void> {
  await page.mouse.move(box.x, box.y);
  for (let i = 0; i < 120; i++) {
    await page.mouse.wheel(0, i < 90 ? 240 : -240);
    await page.waitForTimeout(12);
  }
}

/** The scroll bar dragged from top to bottom and half way back in 180 frames. */
const drag = (label: string): string => `(async () => {
  const box = document.querySelector('[role="listbox"][aria-label="${label}"]');
  const end = box.scrollHeight - box.clientHeight;
  for (let i = 1; i <= 180; i++) {
    await new Promise(requestAnimationFrame);
    box.scrollTop = i <= 120 ? (end * i) / 120 : end * (1 - (i - 120) / 120);
  }
})()`;

async function list(page: Page, cdp: CDPSession, name: string, label: string, row: string): Promise<void> {
  const selector = `[role="listbox"][aria-label="${label}"]`;
  const box = (await page.locator(selector).boundingBox())!;
  await smooth(page, cdp, `${name}, wheel`, () =>
    wheel(page, { x: box.x + box.width / 2, y: box.y + box.height / 2 }),
  );
  await smooth(page, cdp, `${name}, drag`, () => page.evaluate(drag(label)));
  const settled = `document.querySelectorAll('${selector} .skeleton').length === 0 && document.querySelectorAll('${selector} ${row}').length > 5`;
  const started = performance.now();
  await shown(page, settled);
  note(`${name}, drag: rows where it rests`, [performance.now() - started], ANSWER_MS);
  await page.evaluate(`document.querySelector('${selector}').scrollTop = 0`);
  await shown(page, settled);
}

async function measure(home: string, folder: string): Promise<void> {
  const spawned = performance.now();
  const { url, child } = await startServe(home, folder);
  note('serve started, the project open', [performance.now() - spawned], OPEN_MS);
  const browser = await chromium.launch({ executablePath: ensureChromium(), args: HEADLESS_ARGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const wire: Wire = { sent: 0, received: 0 };
    page.on('websocket', (socket) => {
      socket.on('framesent', () => (wire.sent = performance.now()));
      socket.on('framereceived', () => (wire.received = performance.now()));
    });
    const opens: number[] = [];
    for (let i = 0; i < REPEATS; i++) {
      const started = performance.now();
      await page.goto(i === 0 ? url : new URL(url).origin);
      await page.getByTestId('room-library').click();
      await page.getByTestId('tab-samples').click();
      await page.getByTestId('sample-row').first().waitFor();
      opens.push(performance.now() - started);
    }
    note('open the project, to the list of questions', opens, OPEN_MS);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable');

    const field = 'Search questions';
    const count = `document.querySelector('[aria-live="polite"].num').textContent`;
    const all = await page.locator('[aria-live="polite"].num').textContent();
    const rowsThere = `document.querySelectorAll('[data-testid="sample-row"]').length > 0`;
    const clear = async (): Promise<void> => {
      await page.evaluate(`(() => { ${type(field, '')} })()`);
      await shown(page, `${count} === ${JSON.stringify(all)}`);
    };
    for (const [word, what] of [
      ['zebra', 'a rare word'],
      ['circle', 'a word of most rows'],
      ['red circle moves', 'three words'],
      ['方块', 'two Chinese signs'],
      ['up', 'two letters'],
    ])
      await answer(
        page,
        wire,
        `search for ${what}`,
        type(field, word),
        `${count} !== ${JSON.stringify(all)} && ${rowsThere}`,
        clear,
      );

    const first = `document.querySelector('[data-testid="sample-row"]').textContent`;
    for (const column of ['Question', 'Type', 'Clip', 'Split']) {
      const screen: number[] = [];
      const server: number[] = [];
      for (let i = 0; i < 3; i++) {
        // Ascending, descending, and back to the order of adding.
        const before = JSON.stringify(await page.getByTestId('sample-row').first().textContent());
        const click = () =>
          page.evaluate(
            `dispatchEvent(new Event('bench-act')); document.querySelector('button[aria-label^="Sort by ${column}"]').click()`,
          );
        const times = await toScreen(page, wire, click, `${first} !== ${before}`).catch(() => null);
        if (times === null) continue; // ties: the first row stayed
        screen.push(times.screen);
        server.push(times.server);
      }
      note(`sort by ${column.toLowerCase()}: on the screen`, screen, ANSWER_MS);
      note(`sort by ${column.toLowerCase()}: services and line`, server, ANSWER_MS);
    }
    await list(page, cdp, 'Library', 'Questions', '[data-testid="sample-row"]');

    await page.getByTestId('room-review').click();
    await page.getByTestId('pair-row').first().waitFor();
    await page.waitForTimeout(1500);
    // Each row says how many there are.
    const total = `document.querySelector('[aria-label="Pairs"] [aria-setsize]')?.getAttribute('aria-setsize')`;
    for (const [word, what] of [
      ['zebra', 'a rare word'],
      ['circle', 'a word of most rows'],
      ['方块', 'two Chinese signs'],
    ])
      await answer(
        page,
        wire,
        `pairs: search for ${what}`,
        type('Search pairs', word),
        `${total} !== undefined && ${total} !== '${N}'`,
        async () => {
          await page.evaluate(`(() => { ${type('Search pairs', '')} })()`);
          await shown(page, `${total} === '${N}'`);
        },
      );
    await list(page, cdp, 'Review', 'Pairs', '[data-testid="pair-row"]');
  } finally {
    await browser.close();
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

const home =
  values.keep === undefined
    ? await mkdtemp(path.join(os.tmpdir(), 'rrpo-bench-window-'))
    : path.resolve(values.keep);
await mkdir(home, { recursive: true });
process.env.RRPO_WORKBENCH_HOME = home;
try {
  const folder = await largeProject(home, N);
  await measure(home, folder);
} finally {
  print();
  if (values.keep === undefined) await rm(home, { recursive: true, force: true });
}

function print(): void {
  console.log(
    `machine  ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, node ${process.version}, Chromium headless without a GPU`,
  );
  console.log(`project  ${N.toLocaleString('en')} samples and as many pairs`);
  console.log(
    `${'what'.padEnd(52)}${'median ms'.padStart(10)}${'worst'.padStart(9)}${'bar'.padStart(7)}  met`,
  );
  for (const { what, median, worst, bar, note: text } of lines)
    console.log(
      `${what.padEnd(52)}${median.toFixed(1).padStart(10)}${worst.toFixed(1).padStart(9)}${(bar === null ? '' : bar.toFixed(bar < 50 ? 1 : 0)).padStart(7)}  ${bar === null ? text : median <= bar ? 'yes' : 'NO'}`,
    );
}
