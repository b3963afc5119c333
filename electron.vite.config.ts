/** @file Builds the three bundles: the host (Electron main, the other doors and the workers), the preload, the window. */
import { defineConfig } from 'electron-vite';
import path from 'node:path';
import { rendererOptions } from './src-renderer/vite.config.ts';

const source = (file: string): string => path.resolve(import.meta.dirname, 'src-main', file);

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      rolldownOptions: {
        input: {
          main: source('main.ts'),
          cli: source('cli.ts'),
          // Run by a real Node, never inside Electron: see docs/architecture.md, Processes.
          'workers/media': source('workers/media.ts'),
          'workers/engine': source('workers/engine.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      // A sandboxed preload must be one CommonJS file.
      externalizeDeps: false,
      rolldownOptions: {
        input: { preload: source('preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    ...rendererOptions,
    build: {
      ...rendererOptions.build,
      rolldownOptions: { input: path.resolve(import.meta.dirname, 'src-renderer', 'index.html') },
    },
  },
});
