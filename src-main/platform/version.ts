/** @file The program's version, from package.json: the one place it is written. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { appRoot } from './entries.ts';

const manifest = JSON.parse(readFileSync(path.join(appRoot, 'package.json'), 'utf8')) as { version: string };

export const appVersion: string = manifest.version;
