/** @file What a project holds, read from its file, without the workbench. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The rows that a query finds in the project of this folder; `Row` is the caller's promise about the columns. */
export function readProject<Row>(folder: string, sql: string, ...params: string[]): Row[] {
  // A host that opens or closes the project has the file to itself for a moment.
  const db = new DatabaseSync(path.join(folder, 'workbench.sqlite'), { readOnly: true, timeout: 5000 });
  try {
    return db.prepare(sql).all(...params) as unknown as Row[];
  } finally {
    db.close();
  }
}
