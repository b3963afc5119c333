/** @file Routes about the program itself: version, the path picker where no native dialog exists, the event stream. */
import { readdir } from 'node:fs/promises';
import os_ from 'node:os';
import path from 'node:path';
import { appVersion } from '../platform/version.ts';
import { readKeys, readTheme, writeKeys, writeTheme } from '../project/user-choices.ts';
import type { Implementer } from './router.ts';
import type { Workbench } from './workbench.ts';

export function appRoutes(os: Implementer, workbench: Workbench) {
  return {
    info: os.app.info.handler(() => ({
      version: appVersion,
      door: workbench.door === 'electron' ? ('electron' as const) : ('serve' as const),
      platform: process.platform,
      home: os_.homedir(),
    })),
    listFolder: os.app.listFolder.handler(async ({ input }) => {
      const folder = path.resolve(input.path);
      const entries = await readdir(folder, { withFileTypes: true });
      const parent = path.dirname(folder);
      return {
        path: folder,
        parent: parent === folder ? null : parent,
        entries: entries
          .filter((e) => !e.name.startsWith('.') && (e.isDirectory() || e.isFile()))
          .map((e) => ({ name: e.name, path: path.join(folder, e.name), folder: e.isDirectory() }))
          .sort((a, b) => Number(b.folder) - Number(a.folder) || a.name.localeCompare(b.name)),
      };
    }),
    keys: os.app.keys.handler(() => readKeys()),
    setKeys: os.app.setKeys.handler(({ input }) => writeKeys(input)),
    theme: os.app.theme.handler(() => readTheme()),
    setTheme: os.app.setTheme.handler(({ input }) => writeTheme(input)),
    events: os.app.events.handler(({ signal }) => workbench.hub.subscribe(signal)),
  };
}
