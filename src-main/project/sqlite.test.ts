/** @file The database: transactions, durability settings, and SQLite's failures in words. */
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Database } from './sqlite.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-sqlite-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const file = (): string => path.join(folder, 'a.sqlite');

function withTable(options?: { maxPages: number }): Database {
  const db = new Database(file(), options);
  db.exec('CREATE TABLE IF NOT EXISTS t (id TEXT PRIMARY KEY, body TEXT, n INTEGER)');
  return db;
}
const count = (db: Database): number => db.prepare<{ n: number }>('SELECT count(*) AS n FROM t').get()!.n;

test('commits are durable: WAL, synchronous FULL, foreign keys on', () => {
  const db = withTable();
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  expect(db.prepare('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 });
  db.close();
  db.close();
});

test('insert, update and values of every kind', () => {
  const db = withTable();
  db.insert('t', { id: 'a', body: null, n: true });
  expect(db.update('t', 'a', { body: 'é🦢' })).toBe(1);
  expect(db.update('t', 'b', { body: 'x' })).toBe(0);
  expect(db.prepare('SELECT * FROM t').all()).toEqual([{ id: 'a', body: 'é🦢', n: 1 }]);
  db.close();
});

test('a failed transaction leaves nothing, and an inner failure fails the outer one', () => {
  const db = withTable();
  expect(() =>
    db.transaction(() => {
      db.insert('t', { id: 'a' });
      throw new Error('stop');
    }),
  ).toThrow('stop');
  expect(count(db)).toBe(0);
  expect(() =>
    db.transaction(() => {
      db.insert('t', { id: 'a' });
      try {
        db.transaction(() => {
          throw new Error('inner');
        });
      } catch {
        // swallowed: the outer one must not be committed half done
      }
    }),
  ).toThrow('expected the error of an inner one');
  expect(count(db)).toBe(0);
  db.transaction(() => db.transaction(() => db.insert('t', { id: 'a' })));
  expect(count(db)).toBe(1);
  expect(() => db.transaction(() => Promise.resolve())).toThrow('expected synchronous work');
  db.close();
});

test('a full disk is told as such, and what was saved before is kept', () => {
  const db = withTable({ maxPages: 20 });
  db.insert('t', { id: 'saved', body: 'x' });
  expect(() => db.insert('t', { id: 'big', body: 'y'.repeat(200_000) })).toThrow(
    expect.objectContaining({ code: 'DISK_FULL', message: expect.stringContaining(file()) as string }),
  );
  expect(() =>
    db.transaction(() => {
      db.insert('t', { id: 'small' });
      db.insert('t', { id: 'big', body: 'y'.repeat(200_000) });
    }),
  ).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
  db.close();
  const again = new Database(file());
  expect(again.prepare('SELECT id FROM t').all()).toEqual([{ id: 'saved' }]);
  expect(again.integrityCheck()).toEqual([]);
  again.insert('t', { id: 'big', body: 'y'.repeat(200_000) });
  again.close();
});

test('a damaged file and a file of another kind are told as such', () => {
  const db = withTable();
  db.transaction(() => {
    for (let i = 0; i < 2000; i++) db.insert('t', { id: `row ${i}`, body: 'z'.repeat(100) });
  });
  db.close();
  truncateSync(file(), Math.floor(statSync(file()).size / 2));
  expect(() => {
    const broken = new Database(file());
    const findings = broken.integrityCheck();
    broken.close();
    if (findings.length > 0) throw Object.assign(new Error(), { code: 'CORRUPT' });
  }).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  writeFileSync(file(), 'this is not a database '.repeat(100));
  rmSync(`${file()}-wal`, { force: true });
  expect(() => new Database(file())).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
});

test('a missing file is not created when it must exist', () => {
  expect(() => new Database(file(), { mustExist: true })).toThrow(
    expect.objectContaining({ code: 'NOT_FOUND' }),
  );
});
