/** @file One process holds a project at a time. The lock is a file that names its holder; a dead holder's lock is taken over. */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { explainWriteError } from '../platform/files.ts';

const LOCK_FILE = 'workbench.lock';

/** Who holds a project. */
type Holder = { pid: number; host: string; since: number; boot: string | null; token: string };

/** Tokens of the locks that this process holds: our own pid in a lock file proves nothing, pids are used again. */
const ours = new Set<string>();

/** A held lock; `tookOver` says that its last holder died without letting go. */
export type ProjectLock = { readonly tookOver: boolean; release(): void };

/**
 * Takes the lock of a project folder.
 * @throws UserError LOCKED naming the holder's process, machine and time; UNAVAILABLE when the folder cannot be written.
 */
export function acquireLock(folder: string): ProjectLock {
  const file = path.join(folder, LOCK_FILE);
  const me: Holder = {
    pid: process.pid,
    host: os.hostname(),
    since: Date.now(),
    boot: bootId(),
    token: randomBytes(12).toString('hex'),
  };
  let tookOver = false;
  for (let attempt = 0; ; attempt++) {
    if (createExclusively(folder, file, JSON.stringify(me))) break;
    const text = readIfThere(file);
    if (text === null) continue; // let go between our two looks
    const holder = parseHolder(text);
    if (attempt >= 5 || (holder && isAlive(holder))) throw locked(folder, file, holder);
    // An unreadable lock is one whose writer died while writing it.
    moveAside(file, text);
    tookOver = true;
  }
  ours.add(me.token);
  return {
    tookOver,
    release() {
      if (!ours.delete(me.token)) return;
      const now = readIfThere(file);
      if (now !== null && parseHolder(now)?.token === me.token) rmSync(file, { force: true });
    },
  };
}

function createExclusively(folder: string, file: string, text: string): boolean {
  // Written beside and linked into place: nobody ever reads half a lock.
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    try {
      writeFileSync(beside, text, { flag: 'wx' });
      linkSync(beside, file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EEXIST') return false;
      // File systems without hard links (exFAT, some network shares).
      if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EOPNOTSUPP')
        return createPlainly(file, text);
      throw error;
    } finally {
      rmSync(beside, { force: true });
    }
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
      throw new UserError(
        'UNAVAILABLE',
        `project: expected a folder that can be written, got a read-only ${folder} (${code})`,
        'Give yourself write permission to it, or copy the project to a folder where you have it.',
        { cause: error },
      );
    throw explainWriteError(file, error);
  }
}

function createPlainly(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, host, since, boot, token } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === 'number' && typeof host === 'string' && typeof since === 'number'
      ? { pid, host, since, boot: typeof boot === 'string' ? boot : null, token: String(token) }
      : null;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder): boolean {
  // Another machine's processes cannot be seen from here: believe the file.
  if (holder.host !== os.hostname()) return true;
  // From before this machine was started: whatever has that pid now is someone else.
  if (isFromEarlierBoot(holder)) return false;
  if (holder.pid === process.pid) return ours.has(holder.token);
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // there, but another person's
  }
}

/** By the boot's own id where the system has one: a clock that was set since tells nothing about it. Otherwise by time, with a minute of slack. */
function isFromEarlierBoot(holder: Holder): boolean {
  const boot = bootId();
  if (boot !== null && holder.boot) return boot !== holder.boot;
  return holder.since < Date.now() - os.uptime() * 1000 - 60_000;
}

/** What names the time since this machine was started; null where the system does not tell (only Linux does). */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}

/** Removes the stale lock `text`, and only it: a fresh lock that took its place in the meantime is put back. */
function moveAside(file: string, text: string): void {
  const aside = `${file}.stale-${randomBytes(6).toString('hex')}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // another process was faster
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== text)
    createExclusively(path.dirname(file), file, readFileSync(aside, 'utf8'));
  rmSync(aside, { force: true });
}

function locked(folder: string, file: string, holder: Holder | null): UserError {
  const who = holder
    ? `process ${holder.pid} on ${holder.host} since ${new Date(holder.since).toLocaleString()}`
    : 'an unknown process';
  return new UserError(
    'LOCKED',
    `project: ${folder} is already open: ${who} holds it`,
    holder && holder.host !== os.hostname()
      ? `Close it on ${holder.host}. If that machine is gone for good, delete ${file} and open the project again.`
      : 'Close it there first, or use the window that has it open.',
  );
}
