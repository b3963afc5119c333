/**
 * @file The workbench without a door: what is open, who runs the work, who is told. Each door (Electron, `serve`, the
 * command line) makes one of these and hands it to {@link createRouter}, or calls the services directly.
 */
import path from 'node:path';
import type { AppEvent } from '../contract/schemas.ts';
import { Endpoint } from '../endpoint/endpoint.ts';
import type { Keychain } from '../endpoint/key-store.ts';
import { FileJobJournal } from '../jobs/journal.ts';
import { JobQueue } from '../jobs/queue.ts';
import { Workers } from '../jobs/workers.ts';
import { EventHub } from '../platform/events.ts';
import { log } from '../platform/log.ts';
import { createProject, openProject, type OpenProject } from '../project/project.ts';
import { UserError } from '../platform/errors.ts';

/** How this process reaches its user. */
export type Door = 'electron' | 'serve' | 'cli';

export class Workbench {
  readonly door: Door;
  /** Everything that changes, for whoever listens. */
  readonly hub = new EventHub<AppEvent>();
  /** The child processes that decode video and run models. */
  readonly workers = new Workers();
  /** Long work, with progress and cancel. */
  readonly jobs: JobQueue;
  /** The language model elsewhere that the person may have configured. */
  readonly endpoint: Endpoint;
  #project: OpenProject | null = null;
  readonly #closers: (() => Promise<void> | void)[] = [];

  /** `keychain`: what the door keeps a key in; without one it lies in a file of the person's own folder. */
  constructor(door: Door, { keychain = null }: { keychain?: Keychain | null } = {}) {
    this.door = door;
    this.endpoint = new Endpoint({ keychain });
    this.jobs = new JobQueue((job) => this.hub.emit({ type: 'job', job }));
  }

  /** The open project, or null. */
  get project(): OpenProject | null {
    return this.#project;
  }

  /** The open project; a UserError when there is none. */
  requireProject(): OpenProject {
    if (!this.#project)
      throw new UserError('NOT_FOUND', 'No project is open.', 'Open or create a project first.');
    return this.#project;
  }

  /** Creates a project folder and opens it in place of the current one. */
  async createProject(folder: string, name: string): Promise<OpenProject> {
    return this.#replace(() => createProject(folder, name));
  }

  /** Opens a project in place of the current one; when opening fails the current one stays open. */
  async openProject(folder: string): Promise<OpenProject> {
    if (this.#project?.path === path.resolve(folder)) return this.#project;
    return this.#replace(() => openProject(folder));
  }

  async #replace(open: () => Promise<OpenProject>): Promise<OpenProject> {
    const next = await open();
    await this.closeProject();
    await this.jobs.attach(new FileJobJournal(path.join(next.path, 'jobs.json')));
    this.#project = next;
    this.hub.emit({ type: 'project', project: next.info() });
    log.info(`project opened: ${next.path}`);
    return next;
  }

  /** Something to do before the open project closes (stop its jobs, flush its files). */
  onProjectClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** Stops the project's work, closes its database and releases its lock. */
  async closeProject(): Promise<void> {
    const project = this.#project;
    if (!project) return;
    await this.jobs.stop();
    await this.jobs.detach();
    for (const close of this.#closers.splice(0).reverse()) await close();
    this.#project = null;
    project.close();
    this.hub.emit({ type: 'project', project: null });
  }

  /** Ends everything; the process may exit afterwards. */
  async dispose(): Promise<void> {
    await this.closeProject();
    this.endpoint.close();
    await this.workers.dispose();
  }
}
