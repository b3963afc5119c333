/** @file Native open and save dialogs, asked for by the preload; each request is checked for sender and shape. */
import { BrowserWindow, dialog, ipcMain } from 'electron';
import { z } from 'zod';
import { CHANNELS } from './channels.ts';
import { checkSender } from './security.ts';

const Options = z
  .object({
    title: z.string().max(200).optional(),
    filters: z
      .array(z.object({ name: z.string(), extensions: z.array(z.string().regex(/^\w+$/)) }))
      .optional(),
    defaultPath: z.string().optional(),
  })
  .default({});

export function setupDialogs(): void {
  ipcMain.handle(CHANNELS.pickFiles, async (event, raw: unknown): Promise<string[]> => {
    checkSender(event);
    const window = BrowserWindow.fromWebContents(event.sender);
    if (!window) return [];
    const chosen = await dialog.showOpenDialog(window, {
      ...Options.parse(raw),
      properties: ['openFile', 'multiSelections'],
    });
    return chosen.canceled ? [] : chosen.filePaths;
  });
  ipcMain.handle(CHANNELS.pickFolder, async (event, raw: unknown): Promise<string | null> => {
    checkSender(event);
    const window = BrowserWindow.fromWebContents(event.sender);
    if (!window) return null;
    const chosen = await dialog.showOpenDialog(window, {
      ...Options.parse(raw),
      properties: ['openDirectory', 'createDirectory'],
    });
    return chosen.canceled ? null : (chosen.filePaths[0] ?? null);
  });
  ipcMain.handle(CHANNELS.saveFile, async (event, raw: unknown): Promise<string | null> => {
    checkSender(event);
    const window = BrowserWindow.fromWebContents(event.sender);
    if (!window) return null;
    const chosen = await dialog.showSaveDialog(window, Options.parse(raw));
    return chosen.canceled ? null : chosen.filePath;
  });
}
