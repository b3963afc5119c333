/**
 * @file A project is a folder: `project.json`, `workbench.sqlite`, `runs/` and a deletable `cache/`. Creating, opening and
 * closing one; what it knows about itself.
 */
import { existsSync, readdirSync } from 'node:fs';
import { access, constants, mkdir, readdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ProjectInfo } from '../contract/schemas.ts';
import { UserError } from '../platform/errors.ts';
import { log } from '../platform/log.ts';
import { fromPortable, toPortable } from '../platform/paths.ts';
import { newId } from './ids.ts';
import { acquireLock, type ProjectLock } from './lock.ts';
import { migrate } from './migrations.ts';
import { rememberProject } from './recent.ts';
import { newSettings, PROJECT_FILE, readSettings, writeSettings, type Settings } from './settings.ts';
import { Database } from './sqlite.ts';

const DATABASE_FILE = 'workbench.sqlite';

/** A project that this process holds. Made by {@link createProject} and {@link openProject} only. */
export class OpenProject {
  /** Absolute path of the folder. */
  readonly path: string;
  readonly db: Database;
  readonly #lock: ProjectLock;
  #settings: Settings;

  constructor(folder: string, settings: Settings, db: Database, lock: ProjectLock) {
    this.path = folder;
    this.#settings = settings;
    this.db = db;
    this.#lock = lock;
  }

  get id(): string {
    return this.#settings.id;
  }

  get name(): string {
    return this.#settings.name;
  }

  /** Who is working; stamped on history rows. */
  get reviewer(): string {
    return this.#settings.reviewer;
  }

  /** Whether reviewers work without seeing each other's versions, see `pairs/README.md`. */
  get independent(): boolean {
    return this.#settings.independent;
  }

  /** Absolute path of the checkpoint directory, or null until one is chosen. */
  get modelDir(): string | null {
    const stored = this.#settings.modelDir;
    return stored === null ? null : this.resolvePath(stored);
  }

  /** Seed and share of the held-out videos. */
  get split(): Settings['split'] {
    return this.#settings.split;
  }

  /** Filmstrips, proxies, features: may be deleted at any time without losing work. */
  get cacheDir(): string {
    return path.join(this.path, 'cache');
  }

  /** One folder per training run. */
  get runsDir(): string {
    return path.join(this.path, 'runs');
  }

  /** The stored form of a path, which survives a move of the project or of the app. */
  portablePath(file: string): string {
    return toPortable(file, this.path);
  }

  /** The absolute form of a stored path. */
  resolvePath(stored: string): string {
    return fromPortable(stored, this.path);
  }

  /** What the window shows of it. */
  info(): ProjectInfo {
    const count = (table: string): number =>
      this.db.prepare<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).get()!.n;
    const runs = existsSync(this.runsDir)
      ? readdirSync(this.runsDir, { withFileTypes: true }).filter((e) => e.isDirectory()).length
      : 0;
    return {
      id: this.id,
      name: this.name,
      path: this.path,
      createdAt: this.#settings.createdAt,
      modelDir: this.modelDir,
      reviewer: this.reviewer,
      independent: this.independent,
      counts: { videos: count('videos'), samples: count('samples'), pairs: count('pairs'), runs },
    };
  }

  /**
   * Chooses the checkpoint directory.
   * @throws UserError NOT_FOUND when it holds no `config.json`. Whether the model can be used is told when it is loaded.
   */
  async setModelDir(modelDir: string): Promise<void> {
    await this.#change({ modelDir: this.portablePath(modelFolder(modelDir)) });
  }

  /** Changes who is working. */
  async setReviewer(reviewer: string): Promise<void> {
    await this.#change({ reviewer: reviewer.trim() || this.reviewer });
  }

  /** Lets reviewers see each other's versions, or not. */
  async setIndependent(independent: boolean): Promise<void> {
    await this.#change({ independent });
  }

  /** Groups of words that mean the same when answers are judged; what is empty or alone is left out. */
  get synonyms(): readonly (readonly string[])[] {
    return this.#settings.synonyms;
  }

  async setSynonyms(groups: readonly (readonly string[])[]): Promise<void> {
    const kept = groups.map((group) => group.map((word) => word.trim()).filter((word) => word !== ''));
    await this.#change({ synonyms: kept.filter((group) => group.length > 1) });
  }

  /** Changes how later videos are drawn into train and held-out; videos that are in keep their place. */
  async setSplit(split: Settings['split']): Promise<void> {
    await this.#change({ split });
  }

  async #change(part: Partial<Settings>): Promise<void> {
    const next = { ...this.#settings, ...part };
    await writeSettings(this.path, next);
    this.#settings = next;
  }

  /** Closes the database and lets go of the lock. Safe to call twice. */
  close(): void {
    this.db.close();
    this.#lock.release();
  }
}

/** What a checkpoint's folder holds at least; one of each is enough. What is in them is checked when they are read. */
const MODEL_FILES = [
  ['config.json'],
  ['model.safetensors', 'model.safetensors.index.json'],
  ['tokenizer.json'],
] as const;

/** Absolute path of a checkpoint's folder. @throws UserError NOT_FOUND naming the first file that it lacks */
export function modelFolder(modelDir: string): string {
  const folder = path.resolve(modelDir);
  for (const names of MODEL_FILES)
    if (!names.some((name) => existsSync(path.join(folder, name))))
      throw new UserError(
        'NOT_FOUND',
        `model: expected a checkpoint folder with ${names.join(' or ')}, got none in ${folder}`,
        'Choose the folder that a Hugging Face checkpoint was downloaded to (config.json, *.safetensors, tokenizer.json).',
      );
  return folder;
}

/**
 * Makes a project folder and opens it. The folder may exist if it is empty.
 * @throws UserError BAD_INPUT (not empty), CONFLICT (is a project already), UNAVAILABLE (cannot be written).
 */
export async function createProject(folder: string, name: string): Promise<OpenProject> {
  const target = path.resolve(folder);
  if (existsSync(path.join(target, PROJECT_FILE)))
    throw new UserError(
      'CONFLICT',
      `project: expected a new folder, got ${target}, which is a project already`,
      'Open it, or choose another folder.',
    );
  await makeFolder(target);
  if ((await readdir(target)).length > 0)
    throw new UserError(
      'BAD_INPUT',
      `project: expected a new or empty folder, got ${target} with files in it`,
      'Choose a new folder, for example one inside it.',
    );
  return whileHeld(target, false, async (db, lock) => {
    const settings = newSettings(newId('project'), name, userName());
    for (const part of ['cache', 'runs']) await mkdir(path.join(target, part), { recursive: true });
    // Written last: a folder counts as a project once everything else is there.
    await writeSettings(target, settings);
    await remember(name, target);
    return new OpenProject(target, settings, db, lock);
  });
}

/**
 * Opens a project folder and holds it until {@link closeProject}.
 * @throws UserError NOT_FOUND, LOCKED (with the holder), NEWER_VERSION, CORRUPT, UNAVAILABLE.
 */
export async function openProject(folder: string): Promise<OpenProject> {
  const target = path.resolve(folder);
  // Refuse a newer project before anything in it is touched, the lock included.
  readSettings(target);
  return whileHeld(target, true, async (db, lock) => {
    const settings = readSettings(target);
    // The last holder died: SQLite mends itself from its log; make sure before anyone builds on it.
    const findings = lock.tookOver ? db.integrityCheck() : [];
    if (findings.length > 0)
      throw new UserError(
        'CORRUPT',
        `project: expected a sound database, got: ${findings.slice(0, 3).join('; ')} in ${db.file}`,
        'Restore the project from a copy, or rescue what is readable with: sqlite3 FILE ".recover".',
      );
    if (lock.tookOver)
      log.info(`project ${target}: took over the lock of a process that died; database is sound`);
    await remember(settings.name, target);
    return new OpenProject(target, settings, db, lock);
  });
}

/** Takes the folder's lock and opens its database for `make`; when that fails both are let go again. */
async function whileHeld(
  folder: string,
  mustExist: boolean,
  make: (db: Database, lock: ReturnType<typeof acquireLock>) => Promise<OpenProject>,
): Promise<OpenProject> {
  const lock = acquireLock(folder);
  try {
    const db = openDatabase(folder, mustExist);
    try {
      return await make(db, lock);
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Closes the database and lets go of the lock. */
export async function closeProject(project: OpenProject): Promise<void> {
  project.close();
  return Promise.resolve();
}

function openDatabase(folder: string, mustExist: boolean): Database {
  // For tests of a full disk where no small file system can be mounted; see e2e/durability.spec.ts.
  const maxPages = Number(process.env.RRPO_WORKBENCH_TEST_MAX_PAGES) || undefined;
  const db = new Database(path.join(folder, DATABASE_FILE), { mustExist, maxPages });
  try {
    for (const step of migrate(db)) if (mustExist) log.info(`project ${folder}: ${step}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    if (!(await stat(folder)).isDirectory())
      throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    await access(folder, constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new UserError(
      'UNAVAILABLE',
      `project: expected a folder that can be created and written, got ${code} at ${folder}`,
      'Choose a place where you may write, for example inside your home folder.',
      { cause: error },
    );
  }
}

/** The recent list is a convenience: failing to write it must not keep a project from opening. */
async function remember(name: string, folder: string): Promise<void> {
  try {
    await rememberProject(name, folder);
  } catch (error) {
    log.warn(
      `recent projects: could not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function userName(): string {
  try {
    return os.userInfo().username || 'reviewer';
  } catch {
    return 'reviewer'; // a user id without a name, as in containers
  }
}
