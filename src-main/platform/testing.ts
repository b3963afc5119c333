/** @file For tests: a process whose writes really fail for want of room, without filling a disk. Not on Windows, which has no such limit. */
import { execFile } from 'node:child_process';

/**
 * Runs TypeScript (as a module) in a Node that cannot make any file larger than `kilobytes`, and gives what it printed. A write beyond that
 * fails with EFBIG, in the middle of the file, as a full disk fails with ENOSPC. Rejects when the process ends with an error.
 */
export function runWithFileLimit(kilobytes: number, code: string): Promise<string> {
  // The unit of POSIX's ulimit is 512 bytes.
  const command = `ulimit -f ${2 * kilobytes}; exec "$0" --input-type=module-typescript -e "$1"`;
  return new Promise((resolve, reject) =>
    execFile('/bin/sh', ['-c', command, process.execPath, code], (error, stdout, stderr) =>
      error === null ? resolve(stdout.trim()) : reject(new Error(`${error.message}\n${stderr}`)),
    ),
  );
}
