/**
 * @file What the shell sets up in Electron, against a stand-in of its module: its binary is not everywhere, and these locks must hold
 * where it is. Handlers are the real ones, called as Electron calls them; the scheme serves real files.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';

type Listener = (...args: never[]) => unknown;
const electron = vi.hoisted(() => ({
  appListeners: new Map<string, Listener>(),
  schemes: [] as unknown[],
  handle: null as ((request: Request) => Promise<Response>) | null,
  permissionRequest: null as ((contents: object, permission: string, decide: Listener) => void) | null,
  permissionCheck: null as (() => boolean) | null,
  external: [] as string[],
  ipc: new Map<string, Listener>(),
  windows: [] as { options: Record<string, unknown>; url: string }[],
  exposed: new Map<string, object>(),
  posted: [] as unknown[][],
}));

vi.mock('electron', () => ({
  app: { on: (name: string, listener: Listener) => electron.appListeners.set(name, listener) },
  session: {
    defaultSession: {
      setPermissionRequestHandler: (handler: never) => (electron.permissionRequest = handler),
      setPermissionCheckHandler: (handler: never) => (electron.permissionCheck = handler),
    },
  },
  shell: { openExternal: (url: string) => Promise.resolve(electron.external.push(url)) },
  protocol: {
    registerSchemesAsPrivileged: (schemes: unknown[]) => electron.schemes.push(...schemes),
    handle: (_scheme: string, handler: never) => (electron.handle = handler),
  },
  ipcMain: {
    on: (channel: string, listener: Listener) => electron.ipc.set(channel, listener),
    handle: (channel: string, listener: Listener) => electron.ipc.set(channel, listener),
  },
  dialog: {},
  nativeTheme: { shouldUseDarkColors: false },
  BrowserWindow: class {
    readonly #window = { options: {} as Record<string, unknown>, url: '' };
    constructor(options: Record<string, unknown>) {
      this.#window.options = options;
      electron.windows.push(this.#window);
    }
    once(): void {}
    show(): void {}
    loadURL(url: string): Promise<void> {
      this.#window.url = url;
      return Promise.resolve();
    }
    static fromWebContents = () => null;
  },
  contextBridge: {
    exposeInMainWorld: (name: string, api: object) => electron.exposed.set(name, api),
  },
  ipcRenderer: { postMessage: (...args: unknown[]) => electron.posted.push(args), invoke: () => null },
  webUtils: { getPathForFile: () => '/dropped.mp4' },
}));

const folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-shell-'));
writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
vi.mock('../platform/entries.ts', async (original) => ({
  ...(await original<object>()),
  get rendererDir() {
    return folder;
  },
}));

const { setupDialogs } = await import('./dialogs.ts');
const { APP_ORIGIN, registerScheme, setupProtocol } = await import('./protocol.ts');
const { checkSender, setupSecurity } = await import('./security.ts');
const { setupRpc } = await import('./rpc.ts');
const { createWindow } = await import('./window.ts');
const { CHANNELS } = await import('./channels.ts');
const { VideoLibrary } = await import('../library/videos.ts');
const { resourcesDir } = await import('../platform/entries.ts');
const { createRouter } = await import('../services/router.ts');
const { Workbench } = await import('../services/workbench.ts');

const workbench = new Workbench('electron');
beforeEach(() => void (electron.external.length = 0));
afterAll(async () => {
  await workbench.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** A message as Electron hands it over: from which frame of which page. */
function sent(url: string, main = true): never {
  const frame = { url };
  return { senderFrame: frame, sender: { mainFrame: main ? frame : { url } }, ports: [] } as never;
}

test('the window is sandboxed and isolated, without Node, and shows our own scheme only', () => {
  createWindow();
  expect(electron.windows[0].url).toBe(`${APP_ORIGIN}/index.html`);
  expect(electron.windows[0].options.webPreferences).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webviewTag: false,
    preload: expect.stringMatching(/preload\.cjs$/) as string,
  });
});

test('navigation, new windows, web views and permissions are refused; known hosts open in the browser of the user', () => {
  setupSecurity();
  expect(electron.permissionCheck!()).toBe(false);
  const decisions: unknown[] = [];
  for (const [url, permission] of [
    [`${APP_ORIGIN}/index.html`, 'fullscreen'],
    [`${APP_ORIGIN}/index.html`, 'media'],
    ['https://example.org/', 'fullscreen'],
  ])
    electron.permissionRequest!({ getURL: () => url }, permission, (allowed: boolean) =>
      decisions.push(allowed),
    );
  expect(decisions).toEqual([true, false, false]);

  const on = new Map<string, (event: object) => void>();
  let open: ((details: { url: string }) => unknown) | undefined;
  const contents = {
    on: (name: string, listener: never) => on.set(name, listener),
    setWindowOpenHandler: (handler: never) => (open = handler),
  };
  electron.appListeners.get('web-contents-created')!({} as never, contents as never);
  const refused = (name: string, url: string): boolean => {
    const preventDefault = vi.fn();
    on.get(name)!({ url, preventDefault });
    return preventDefault.mock.calls.length > 0;
  };
  expect(refused('will-navigate', `${APP_ORIGIN}/index.html#/train`)).toBe(false);
  for (const url of [
    'https://example.org/',
    'file:///etc/passwd',
    'workbench://app.evil/',
    'data:text/html,x',
  ])
    expect(refused('will-navigate', url), url).toBe(true);
  expect(refused('will-attach-webview', '')).toBe(true);
  for (const url of [
    'https://arxiv.org/abs/2504.12083',
    'http://arxiv.org/',
    'https://arxiv.org.evil/',
    'no',
  ])
    expect(open!({ url })).toEqual({ action: 'deny' });
  expect(electron.external).toEqual(['https://arxiv.org/abs/2504.12083']);
});

test('a message is taken from the main frame of our page only, on every channel', async () => {
  expect(() => checkSender(sent(`${APP_ORIGIN}/index.html`))).not.toThrow();
  const strangers = [sent('https://example.org/'), sent(`${APP_ORIGIN}/index.html`, false)];
  for (const event of strangers) expect(() => checkSender(event)).toThrow(/refused a message/);
  setupDialogs();
  setupRpc(workbench);
  expect([...electron.ipc.keys()].sort()).toEqual(Object.values(CHANNELS).sort());
  for (const [channel, listener] of electron.ipc)
    for (const event of strangers)
      await expect(
        Promise.resolve().then(() => listener(event)),
        channel,
      ).rejects.toThrow(/refused a message/);
});

test('the scheme serves the page under its policy, media with ranges, and nothing outside of its folder', async () => {
  registerScheme();
  expect(electron.schemes).toMatchObject([
    {
      scheme: 'workbench',
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true },
    },
  ]);
  setupProtocol(workbench);
  await workbench.createProject(path.join(folder, 'project'), 'p');
  const clip = path.join(resourcesDir, 'sample', 'clips', 'clip-0001.mp4');
  const bytes = readFileSync(clip);
  await createRouterClient(createRouter(workbench)).library.addVideos({ paths: [clip] });
  await workbench.jobs.idle();
  const [{ id }] = new VideoLibrary(workbench.requireProject()).list();
  const get = (where: string, range?: string): Promise<Response> =>
    electron.handle!(new Request(`${APP_ORIGIN}${where}`, range === undefined ? {} : { headers: { range } }));
  const page = await get('/');
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  const media = `/media/video/${id}`;
  const part = await get(media, 'bytes=10-19');
  expect(part.status).toBe(206);
  expect(part.headers.get('content-range')).toBe(`bytes 10-19/${bytes.length}`);
  expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
  expect((await get(media, `bytes=${bytes.length}-`)).status).toBe(416);
  for (const outside of ['/..%2f..%2fetc%2fpasswd', '/%2e%2e/secret', '/no-such-file'])
    expect((await get(outside)).status, outside).toBe(404);
  expect((await electron.handle!(new Request('workbench://other/index.html'))).status).toBe(404);
});

test('the page gets named functions, never ipcRenderer or a channel', async () => {
  // By a variable: the preload is checked with the page's types, by tsconfig.preload.json.
  const preload: string = '../preload.ts';
  await import(preload);
  expect([...electron.exposed.keys()]).toEqual(['workbench']);
  expect(Object.keys(electron.exposed.get('workbench')!).sort()).toEqual([
    'connect',
    'door',
    'pathForFile',
    'pickFiles',
    'pickFolder',
    'saveFile',
  ]);
});
