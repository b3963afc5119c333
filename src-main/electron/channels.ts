/** @file Every channel between preload and main, in one place. Anything richer goes over the contract. */
export const CHANNELS = {
  connect: 'workbench:connect',
  pickFiles: 'workbench:pick-files',
  pickFolder: 'workbench:pick-folder',
  saveFile: 'workbench:save-file',
} as const;

/** File filters of the native dialogs, e.g. `{ name: 'Videos', extensions: ['mp4', 'mkv'] }`. */
export type DialogOptions = {
  title?: string;
  filters?: { name: string; extensions: string[] }[];
  defaultPath?: string;
};
