/** @file What a checker of golden fixtures is: one per kind of fixture, chosen by the manifest, yielding one row per compared output. */

/** One line of the table that `npm run golden` prints. */
export type Row = {
  /** Name of the fixture; the folder's name where a checker leaves it out. */
  fixture?: string;
  output: string;
  /** Largest relative error (L2 over L2) for floats; the fraction of differing entries for what must be exact. */
  error: number;
  /** What the error must be below; left out where the comparison is exact. */
  bar?: number;
  pass: boolean;
  /** Why it failed, or what was compared. */
  note?: string;
};

/** Settings shared by all checkers. */
export type CheckContext = {
  /** Where the numbers are computed. */
  device: 'cpu' | 'webgpu';
};

/** Checks one kind of fixture; must work for any folder in the documented format, not only the known ones. */
export type Checker = {
  matches(manifest: Record<string, unknown>): boolean;
  check(dir: string, manifest: Record<string, unknown>, ctx: CheckContext): AsyncIterable<Row>;
};

/** Bar of relative errors: 1e-4 on the CPU in float32, 1e-3 on WebGPU (golden/README.md). */
export function barOf(context: CheckContext): number {
  return context.device === 'cpu' ? 1e-4 : 1e-3;
}
