/** @file Routes about the program itself: version, the path picker where no native dialog exists, the event stream. */
import os_ from 'node:os';
import { appVersion } from '../platform/version.ts';
import { readKeys, readTheme, writeKeys, writeTheme } from '../project/user-choices.ts';
import { listFolder } from './folder-listing.ts';
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
    listFolder: os.app.listFolder.handler(({ input }) => listFolder(input.path)),
    keys: os.app.keys.handler(() => readKeys()),
    setKeys: os.app.setKeys.handler(({ input }) => writeKeys(input)),
    theme: os.app.theme.handler(() => readTheme()),
    setTheme: os.app.setTheme.handler(({ input }) => writeTheme(input)),
    events: os.app.events.handler(({ signal }) => workbench.hub.subscribe(signal)),
  };
}
