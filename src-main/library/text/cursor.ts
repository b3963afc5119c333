/** @file Where a reader of rows stands, so that reading can begin again there: after a cancel, a crash, another day. */
import { z } from 'zod';

/** What a reader knows besides its place: how the file is laid out. */
export const Layout = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('lines') }),
  /**
   * `indent`: white space before `{` at the beginning of the first element's line; null when it begins no line. `closed`: the list's
   * end was read. `begun`: elements so far. `inLine`: something stands before the place in its line.
   */
  z.object({
    kind: z.literal('list'),
    indent: z.string().nullable(),
    closed: z.boolean(),
    begun: z.number(),
    inLine: z.boolean(),
  }),
  z.object({ kind: z.literal('table'), delimiter: z.string(), header: z.array(z.string()) }),
]);
export type Layout = z.infer<typeof Layout>;

/**
 * Kept up to date by a reader before it gives a row. A reader that is given a cursor with a `layout` begins in the middle of a file:
 * its first character is the one at which an earlier cursor stood.
 */
export class Cursor {
  /** Characters (UTF-16) read so far; what lies before them has been given. */
  offset = 0;
  /** Line of the next character, from 1. */
  line = 1;
  /** Whether reading can begin again here. False between rows that come from one element of the file. */
  whole = true;
  layout: Layout | null = null;

  /** One that continues where an earlier reading stood. */
  static at(line: number, layout: Layout): Cursor {
    const cursor = new Cursor();
    cursor.line = line;
    cursor.layout = layout;
    return cursor;
  }
}
