/** @file Golden checker: frame indices of every sampling rule, exactly. Where library versions disagree, the newest is the reference. */
import {
  sampleLinspace,
  sampleRrpo,
  sampleSmolVlm,
  sampleTransformers,
  sampleTransformersFps,
  sampleVideoChat2,
} from '../../src-main/models/frame-sampling.ts';
import type { Checker, Row } from './types.ts';

type Entry = Record<string, unknown> & { n: number; num_frames: number; video_fps: number; fps: number };

/** Our rule for each list of the manifest. */
const RULES: Record<string, (entry: Entry) => number[]> = {
  linspace: (e) => sampleLinspace(e.n, e.num_frames),
  rrpo: (e) => sampleRrpo(e.n, e.num_frames),
  rrpo_videochat2: (e) => sampleVideoChat2(e.n, e.num_frames),
  llava_num_frames: (e) => sampleTransformers(e.n, e.num_frames),
  llava_fps: (e) => sampleTransformersFps(e.n, e.video_fps, e.fps),
  // Without a count or a rate every frame is taken.
  llava_all: (e) => sampleTransformers(e.n, e.n),
  load_video: (e) => sampleTransformers(e.n, e.num_frames),
  smolvlm: (e) =>
    sampleSmolVlm({
      n: e.n,
      videoFps: e.video_fps,
      duration: e.duration as number,
      numFrames: e.num_frames,
      fps: e.fps,
      ...(e.skip_secs === undefined ? {} : { skipSeconds: e.skip_secs as number }),
    }),
};

const byVersion = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** The expected indices, or 'error' where the newest reference raises. */
function expected(entry: Entry): number[] | 'error' {
  if (Array.isArray(entry.indices)) return entry.indices as number[];
  const versions = (entry.indices_by_version ?? { '': entry.indices }) as Record<string, unknown>;
  const newest = Object.keys(versions).sort(byVersion).at(-1)!;
  const value = versions[newest];
  return Array.isArray(value) ? (value as number[]) : 'error';
}

function matchesOurs(rule: (entry: Entry) => number[], entry: Entry): boolean {
  const want = expected(entry);
  let got: number[] | 'error';
  try {
    got = rule(entry);
  } catch {
    got = 'error';
  }
  return JSON.stringify(got) === JSON.stringify(want);
}

export const samplingChecker: Checker = {
  matches: (manifest) =>
    typeof manifest.rules === 'object' && ('linspace' in manifest || 'smolvlm' in manifest),
  // eslint wants an await in async functions; the interface is asynchronous because other checkers compute.
  async *check(_dir, manifest): AsyncIterable<Row> {
    const fixture = String(manifest.name);
    for (const [list, entries] of Object.entries(manifest)) {
      if (!Array.isArray(entries)) continue;
      const rule = RULES[list.replace(/_extra$/, '')];
      if (!rule) {
        yield { fixture, output: `${list} (rule not known)`, error: 1, pass: false };
        continue;
      }
      const wrong = (entries as Entry[]).filter((entry) => !matchesOurs(rule, entry)).length;
      yield await Promise.resolve({
        fixture,
        output: `${list} (${entries.length} lists)`,
        error: wrong / entries.length,
        pass: wrong === 0,
      });
    }
  },
};
