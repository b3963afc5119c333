/**
 * @file What the sandboxed page may know of Electron: named functions only, no channel and no `ipcRenderer`. The
 * contract itself goes over a message port that this file creates and hands to both sides.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { CHANNELS, type DialogOptions } from './electron/channels.ts';

contextBridge.exposeInMainWorld('workbench', {
  door: 'electron',
  /** Sends one end of a new port to the services, and posts the other to the page as 'workbench:port'. */
  connect(): void {
    const { port1, port2 } = new MessageChannel();
    ipcRenderer.postMessage(CHANNELS.connect, null, [port1]);
    window.postMessage('workbench:port', window.location.origin === 'null' ? '*' : window.location.origin, [
      port2,
    ]);
  },
  /** Absolute path of a dropped file. */
  pathForFile: (file: File): string => webUtils.getPathForFile(file),
  pickFiles: (options?: DialogOptions): Promise<string[]> =>
    ipcRenderer.invoke(CHANNELS.pickFiles, options) as Promise<string[]>,
  pickFolder: (options?: DialogOptions): Promise<string | null> =>
    ipcRenderer.invoke(CHANNELS.pickFolder, options) as Promise<string | null>,
  saveFile: (options?: DialogOptions): Promise<string | null> =>
    ipcRenderer.invoke(CHANNELS.saveFile, options) as Promise<string | null>,
});
