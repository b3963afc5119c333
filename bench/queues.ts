/**
 * @file The review queues at full size: pages, filters, counts, a bulk change beside which one keystroke must stay durable within
 * 100 ms, and the agreement of two reviewers. Run: `node bench/queues.ts [--pairs 100000]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { PhraseKind, type PairFilter } from '../src-main/contract/schemas.ts';
import { SampleLibrary } from '../src-main/library/samples.ts';
import { VideoLibrary } from '../src-main/library/videos.ts';
import { proposePhrases } from '../src-main/negatives/differences.ts';
import { runBulk, undoBulk } from '../src-main/pairs/bulk.ts';
import { paceOf } from '../src-main/pairs/pace.ts';
import { PairService } from '../src-main/pairs/pairs.ts';
import { createProject } from '../src-main/project/project.ts';
import { projectAgreement } from '../src-main/services/agreement.ts';

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '100000' } } });
const N = Number(values.pairs);
const VIDEOS = 500;
const PAGE = { offset: 0, limit: 100 };

const home = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bench-'));
process.env.RRPO_WORKBENCH_HOME = home;
const table: Record<string, { ms: string; bar: string; note: string }> = {};
const sorted = (list: number[]): number[] => [...list].sort((a, b) => a - b);

/** The median of five runs against its bar, in milliseconds. */
function measure(name: string, bar: number, work: () => string): void {
  const times: number[] = [];
  let note = '';
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    note = work();
    times.push(performance.now() - start);
  }
  table[name] = { ms: sorted(times)[2].toFixed(1), bar: String(bar), note };
}

try {
  const project = await createProject(path.join(home, 'project'), 'bench');
  const pairs = new PairService(project);
  const samples = new SampleLibrary(project);
  const videos = new VideoLibrary(project);
  project.db.transaction(() => {
    const ids = Array.from({ length: VIDEOS }, (_, k) =>
      videos.addReferenced(path.join(home, `v${k}.mp4`), true),
    );
    for (let i = 0; i < N; i++) {
      const chosen = `The shape number ${i} moves to the left ${i % 97 === 0 ? 'beside a zebra' : 'on the plain background'}.`;
      const { id } = samples.add({
        videoId: ids[i % VIDEOS],
        question: `What does the shape number ${i} do in the scene?`,
        type: i % 4 === 0 ? 'yes_no' : 'open_ended',
        chosen,
        source: `rows-${i % 3}.json`,
      });
      const rejected = i % 50 === 0 ? chosen : `The shape number ${i} moves to the right.`;
      pairs.addCandidate({
        sampleId: id,
        rejected,
        provenance: {
          kind: i % 5 === 0 ? 'generated' : 'imported',
          original: rejected,
          createdAt: 0,
          ...(i % 5 === 0 ? { recipe: [{ op: i % 10 === 0 ? 'blank' : 'mask' }] } : {}),
        },
        phrases: proposePhrases(chosen, rejected).map((phrase) => ({
          ...phrase,
          ...(i % 3 === 0 ? { kind: PhraseKind.options[(i / 3) % 9] } : {}),
        })),
      });
    }
  });
  // Two reviewers have decided a tenth of the pairs each.
  const some = pairs.ids({ filter: {}, except: [] }).slice(0, N / 10);
  for (const reviewer of ['Ada', 'Ben']) {
    await project.setReviewer(reviewer);
    for (let at = 0; at < some.length; at += 500) pairs.setStatus(some.slice(at, at + 500), 'accepted');
  }
  const [{ videoId }] = pairs.list({}, PAGE).rows;
  const filters: Record<string, PairFilter> = {
    'all pairs': {},
    'one queue': { status: 'pending' },
    'queue + source': { status: 'pending', source: 'import:rows-1.json' },
    'queue + kind': { status: 'pending', type: 'yes_no' },
    'queue + split': { status: 'pending', split: 'train' },
    'queue + video': { status: 'pending', videoId },
    'queue + check': { status: 'pending', lint: 'identical-answers' },
    'queue + family': { status: 'pending', family: 'language-prior' },
    'queue + kind of phrase': { status: 'pending', kind: 'action' },
    'all + kind of phrase': { kind: 'direction' },
    'queue + reviewer': { status: 'accepted', reviewer: 'Ben' },
    'queue + rare word': { status: 'pending', text: 'zebra' },
    'queue + word of every pair': { status: 'pending', text: 'shape' },
    'all + source + kind + check': { source: 'import:rows-1.json', type: 'yes_no', lint: 'no-phrase' },
  };
  for (const [name, filter] of Object.entries(filters))
    measure(`page: ${name}`, 100, () => `${pairs.list(filter, PAGE).total} found`);
  measure('page: the last of a queue', 100, () => {
    const { pending } = pairs.counts();
    return `${pairs.list({ status: 'pending' }, { offset: pending - 100, limit: 100 }).rows.length} rows`;
  });
  measure('counts', 100, () => JSON.stringify(pairs.counts()));
  measure('what filters can be set to', 100, () => `${pairs.facets('pending').lints.length} checks`);
  measure('pace', 100, () => JSON.stringify(paceOf(project, 1, 0)));
  await project.setIndependent(true);
  measure(
    'independent: page of one queue',
    150,
    () => `${pairs.list({ status: 'pending' }, PAGE).total} found`,
  );
  measure('independent: counts', 150, () => JSON.stringify(pairs.counts()));
  await project.setIndependent(false);

  // A bulk change over everything, with an edit of one pair between its steps, as a person beside it would make.
  const beside = pairs.list({}, { offset: N - 1, limit: 1 }).rows[0].id;
  const saves: number[] = [];
  let stop = false;
  const typing = (async () => {
    for (let i = 0; !stop; i++) {
      const asked = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      const { version, chosen, phrases } = pairs.get(beside);
      pairs.save({ pairId: beside, baseVersion: version, chosen, rejected: `It moves ${i} times.`, phrases });
      saves.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const selection = { filter: { status: 'pending' as const }, except: [] };
  let start = performance.now();
  const report = await runBulk(project, pairs, { selection, action: { status: 'accepted' } });
  const bulk = performance.now() - start;
  start = performance.now();
  const undone = await undoBulk(project, pairs, report.bulkId);
  const undo = performance.now() - start;
  stop = true;
  await typing;
  const p95 = sorted(saves)[Math.floor(saves.length * 0.95)];
  table['bulk change'] = {
    ms: bulk.toFixed(0),
    bar: '',
    note: `${report.changed} pairs, ${Math.round((report.changed / bulk) * 1000)} a second`,
  };
  table['undo of it as a whole'] = { ms: undo.toFixed(0), bar: '', note: `${undone.undone} pairs` };
  table['a save beside them, 95 %'] = {
    ms: p95.toFixed(1),
    bar: '100',
    note: `${saves.length} saves, longest ${Math.max(...saves).toFixed(1)} ms`,
  };
  start = performance.now();
  const agreement = await projectAgreement(project);
  table['agreement of two reviewers'] = {
    ms: (performance.now() - start).toFixed(0),
    bar: '',
    note: `${agreement.reviewers[0].pairs} pairs, F1 ${agreement.reviewers[0].marks.f1}`,
  };
  console.log(
    `${N} pairs of ${VIDEOS} videos, ${os.cpus()[0].model}, Node ${process.versions.node}; median of 5`,
  );
  console.table(table);
  const late = Object.values(table).filter((row) => row.bar !== '' && Number(row.ms) > Number(row.bar));
  if (late.length > 0) process.exitCode = 1;
  project.close();
} finally {
  rmSync(home, { recursive: true, force: true });
}
