/** @file What no window may do: navigate away, open windows, ask for permissions, attach web views. */
import { app, session, shell, type IpcMainEvent, type IpcMainInvokeEvent } from 'electron';
import { APP_ORIGIN } from './protocol.ts';

/** Pages that help texts may open in the user's own browser. */
const EXTERNAL_HOSTS = new Set(['huggingface.co', 'arxiv.org', 'github.com']);

function originOf(url: string): string {
  const parsed = new URL(url);
  // `origin` of a custom scheme is the string "null" in Node's parser.
  return `${parsed.protocol}//${parsed.host}`;
}

/** Locks every web contents, present and future. */
export function setupSecurity(): void {
  session.defaultSession.setPermissionRequestHandler((contents, permission, decide) =>
    decide(permission === 'fullscreen' && originOf(contents.getURL()) === APP_ORIGIN),
  );
  session.defaultSession.setPermissionCheckHandler(() => false);
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => {
      if (originOf(event.url) !== APP_ORIGIN) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      const parsed = URL.parse(url);
      if (parsed?.protocol === 'https:' && EXTERNAL_HOSTS.has(parsed.host))
        void shell.openExternal(parsed.href);
      return { action: 'deny' };
    });
  });
}

/** Throws unless a message came from the main frame of our own page. */
export function checkSender(event: IpcMainEvent | IpcMainInvokeEvent): void {
  const frame = event.senderFrame;
  if (!frame || frame !== event.sender.mainFrame || originOf(frame.url) !== APP_ORIGIN)
    throw new Error(`ipc: refused a message from ${frame?.url ?? 'a closed frame'}`);
}
