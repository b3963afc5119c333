/** @file `rrpo-workbench serve`: the window in a browser, until Ctrl-C. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { startServer } from '../serve.ts';
import { EXIT } from './exit-codes.ts';
import type { CommonOptions, Session } from './session.ts';

export type ServeOptions = CommonOptions & { port?: number; open?: boolean };

export async function serveCommand(
  session: Session,
  [folder]: string[],
  options: ServeOptions,
): Promise<number> {
  const { client, output, signal, workbench } = session;
  if (folder !== undefined) await client.project.open({ path: path.resolve(folder) });
  const server = await startServer({ workbench, port: options.port });
  try {
    output.result(
      { url: server.url, port: server.port },
      `The workbench is at ${server.url}\nCtrl-C ends it.`,
    );
    if (options.open === true) openBrowser(server.url);
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return EXIT.ok;
  } finally {
    await server.close();
  }
}

/** Asks the system to show a page; when it cannot, the address is on the screen anyway. */
function openBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '']
        : ['xdg-open'];
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
