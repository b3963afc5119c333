/**
 * @file Open-ended answers judged by the endpoint after the rules here have judged them. What it could not judge keeps its verdict and says
 * why; what a person has ruled on is not asked about. Pairs follow a changed verdict as they follow a person's.
 */
import { z } from 'zod';
import type { EndpointPlan, JudgeReport } from '../contract/endpoint.ts';
import type { Job, Verdict } from '../contract/schemas.ts';
import { costOf } from '../endpoint/client.ts';
import type { EndpointClient } from '../endpoint/client.ts';
import type { JobContext } from '../jobs/queue.ts';
import { judgeMessages, readVerdict } from '../negatives/endpoint-judge.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import type { Database } from '../project/sqlite.ts';
import {
  askAndRead,
  askRows,
  CHARS_A_TOKEN,
  endpointName,
  enqueueEndpointJob,
  leftEndpointJobs,
} from './endpoint-job.ts';
import { followVerdict, type JudgedRow } from './rulings.ts';
import type { Workbench } from './workbench.ts';

type Key = { sampleId: string; conditions: string };
type Row = JudgedRow & { question: string; reference: string; verdict: Verdict; reason: string };

/** Which answers: all, or those drawn under these conditions (`attempts.ts`). */
const JudgeRequest = z.object({ conditions: z.array(z.string()).optional() });
type JudgeRequest = z.infer<typeof JudgeRequest>;

/** ?2 is the JSON of {@link JudgeRequest}'s conditions, or null. */
const DRAWN = `(?2 IS NULL OR a.conditions IN (SELECT value FROM json_each(?2)))`;

/** What an endpoint may judge: open answers with something in them that no person has ruled on. ?1 is the judge's name. */
const OPEN = `FROM attempts a JOIN samples s ON s.id = a.sample_id
  WHERE s.type = 'open_ended' AND a.ruling IS NULL AND trim(a.answer) <> '' AND a.judge IS NOT ?1 AND ${DRAWN}`;

/** Tokens of a verdict with its reason, about. */
const REPLY_TOKENS = 60;

/** Windows hear of changed answers at most so often, in milliseconds. */
const TELL_EVERY_MS = 1000;

/** What judging would send, and about what it would cost. */
export async function judgePlan(workbench: Workbench): Promise<EndpointPlan> {
  const { db } = workbench.requireProject();
  const { settings, problem } = await workbench.endpoint.state();
  const judge = await endpointName(workbench);
  const { rows, chars } = db
    .prepare<{ rows: number; chars: number }>(
      `SELECT count(*) AS rows, ifnull(sum(length(s.question) + length(s.chosen) + length(a.answer)), 0) AS chars ${OPEN}`,
    )
    .get(judge, null)!;
  const frame = judgeMessages({ question: '', reference: '', answer: '' })
    .map(({ content }) => content)
    .join('').length;
  const tokensIn = Math.round((chars + rows * frame) / CHARS_A_TOKEN);
  const tokensOut = rows * REPLY_TOKENS;
  const priced = settings.priceIn !== null || settings.priceOut !== null;
  const cost = priced ? costOf({ in: tokensIn, out: tokensOut }, settings) : null;
  return { rows, tokensIn, tokensOut, cost, judge, problem };
}

/** Puts a judging in line. @throws UserError UNAVAILABLE when the endpoint is off, CONFLICT when one is under way */
export async function judgeAnswers(workbench: Workbench): Promise<Job> {
  workbench.requireProject();
  await workbench.endpoint.client();
  const [left] = leftEndpointJobs(workbench, 'judge');
  if (workbench.jobs.list().some(({ kind, state }) => kind === 'judge' && OPEN_STATES.includes(state)))
    throw new UserError(
      'CONFLICT',
      'Answers are being judged already.',
      'Resume that job if it is paused, or cancel it.',
    );
  const job = enqueue(workbench, {}, left?.id);
  if (left) workbench.jobs.resume(job.id);
  return job;
}

/** Puts in line, after what is there, a judging of the answers drawn under these conditions. */
export function judgeDrawn(workbench: Workbench, conditions: string[]): Job {
  return enqueue(workbench, { conditions });
}

const OPEN_STATES: readonly Job['state'][] = ['queued', 'running', 'paused'];

/** Puts in line, paused, what an earlier process left: it costs money, so a person says when it goes on. */
export function restoreJudging(workbench: Workbench): void {
  for (const { id, request } of leftEndpointJobs(workbench, 'judge'))
    enqueue(workbench, JudgeRequest.parse(request), id);
}

function enqueue(workbench: Workbench, request: JudgeRequest, restored?: string): Job {
  const title = 'Judging answers through the endpoint';
  const sofar: SoFar = { judged: 0, changed: 0, cost: 0 };
  const run = async (context: JobContext): Promise<JudgeReport> =>
    new Judging(workbench, await workbench.endpoint.client(), request, context, sofar).run();
  return enqueueEndpointJob(workbench, { kind: 'judge', title, request, run }, restored);
}

/** What a job has come to in this process, over its pauses. */
type SoFar = Pick<JudgeReport, 'judged' | 'changed' | 'cost'>;

class Judging {
  readonly #workbench: Workbench;
  readonly #db: Database;
  readonly #client: EndpointClient;
  readonly #conditions: string | null;
  readonly #context: JobContext;
  readonly #pairs: PairService;
  readonly #sofar: SoFar;
  #told = performance.now();

  constructor(
    workbench: Workbench,
    client: EndpointClient,
    { conditions }: JudgeRequest,
    context: JobContext,
    sofar: SoFar,
  ) {
    const project = workbench.requireProject();
    this.#workbench = workbench;
    this.#db = project.db;
    this.#client = client;
    this.#conditions = conditions === undefined ? null : JSON.stringify(conditions);
    this.#context = context;
    this.#sofar = sofar;
    this.#pairs = new PairService(
      project,
      (pairId, version) => workbench.hub.emit({ type: 'pair', pairId, version }),
      client.name,
    );
  }

  async run(): Promise<JudgeReport> {
    const { signal, progress, continuing } = this.#context;
    const judge = this.#client.name;
    const before = this.#db
      .prepare<{ n: number }>(
        `SELECT count(*) AS n FROM attempts a WHERE judge = ?1 AND ruling IS NULL AND ${DRAWN}`,
      )
      .get(judge, this.#conditions)!.n;
    // Those that failed before come last: an endpoint that is well again is seen to be so.
    const keys = this.#db
      .prepare<Key>(
        `SELECT a.sample_id AS sampleId, a.conditions ${OPEN} ORDER BY a.judge_failed IS NOT NULL, a.created_at, a.rowid`,
      )
      .all(judge, this.#conditions);
    const all = Math.max(1, before + keys.length);
    const spent = this.#client.spent - this.#sofar.cost;
    continuing(before / all);
    try {
      const { failed, failedWhy } = await askRows({
        rows: keys,
        concurrent: this.#client.concurrent,
        patienceMs: this.#client.patienceMs,
        signal,
        work: (key, stop) => this.#judge(key, stop),
        onFailed: (key, reason) => this.#failed(key, reason),
        onProgress: (done, told) => {
          const cost = (this.#sofar.cost = this.#client.spent - spent);
          const parts = [
            `${before + done} of ${before + keys.length} answers`,
            `${this.#sofar.changed} verdicts changed`,
            ...(cost > 0 ? [`$${cost.toFixed(4)}`] : []),
            ...told,
          ];
          progress((before + done) / all, parts.join(', '));
        },
      });
      this.#sofar.cost = this.#client.spent - spent;
      return { judge, ...this.#sofar, failed, failedWhy };
    } finally {
      this.#workbench.hub.emit({ type: 'library' });
    }
  }

  async #judge(key: Key, signal: AbortSignal): Promise<void> {
    const row = this.#row(key);
    if (!row) return;
    const { question, reference, answer } = row;
    const texts = { question, reference, answer };
    const said = await askAndRead(
      this.#client,
      judgeMessages(texts),
      (text) => readVerdict(text, texts),
      signal,
    );
    // Somebody may have ruled on it while it was away.
    const now = this.#row(key);
    if (!now) return;
    this.#db.transaction(() => {
      this.#db
        .prepare(
          `UPDATE attempts SET local = coalesce(local, json_object('verdict', verdict, 'reason', reason)),
             verdict = ?, reason = ?, judge = ?, judge_failed = NULL WHERE sample_id = ? AND conditions = ?`,
        )
        .run(said.verdict, said.reason, this.#client.name, key.sampleId, key.conditions);
      followVerdict(this.#db, this.#pairs, now, said.verdict, { byMachine: true });
    });
    this.#sofar.judged++;
    if (now.verdict !== said.verdict) this.#sofar.changed++;
    if (performance.now() - this.#told > TELL_EVERY_MS) {
      this.#told = performance.now();
      this.#workbench.hub.emit({ type: 'library' });
    }
  }

  /** The answer as it stands, unless a person has ruled on it. */
  #row({ sampleId, conditions }: Key): Row | undefined {
    return this.#db
      .prepare<Row>(
        `SELECT a.sample_id AS sampleId, a.conditions, a.answer, a.pair_id AS pairId, a.provenance, a.verdict, a.reason,
           s.question, s.chosen AS reference
         FROM attempts a JOIN samples s ON s.id = a.sample_id WHERE a.sample_id = ? AND a.conditions = ? AND a.ruling IS NULL`,
      )
      .get(sampleId, conditions);
  }

  #failed({ sampleId, conditions }: Key, reason: string): void {
    this.#db
      .prepare('UPDATE attempts SET judge_failed = ? WHERE sample_id = ? AND conditions = ?')
      .run(reason, sampleId, conditions);
  }
}
