/** @file What the Electron preload offers the page. In a browser it is absent, and the page uses its own dialogs. */

export interface FileFilter {
  readonly name: string;
  /** Extensions without the dot. */
  readonly extensions: readonly string[];
}

export interface WorkbenchBridge {
  readonly door: 'electron';
  /** Asks for a connection; a MessagePort arrives as a `workbench:port` window message. */
  connect: () => void;
  /** Absolute path of a dropped file. */
  pathForFile: (file: File) => string;
  /** Absolute paths; empty when cancelled. */
  pickFiles: (options: {
    title: string;
    filters?: readonly FileFilter[];
    multiple?: boolean;
  }) => Promise<string[]>;
  /** Absolute path; null when cancelled. */
  pickFolder: (options: { title: string }) => Promise<string | null>;
  saveFile: (options: {
    title: string;
    /** File name, or a whole path, to begin with. */
    defaultPath?: string;
    filters?: readonly FileFilter[];
  }) => Promise<string | null>;
}

declare global {
  interface Window {
    workbench?: WorkbenchBridge;
  }
}

/** The preload's bridge, or null in a browser. */
export function bridge(): WorkbenchBridge | null {
  return window.workbench ?? null;
}
