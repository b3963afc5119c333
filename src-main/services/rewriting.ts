/**
 * @file Preferred answers rewritten with the model's mistakes, for pairs of open answers: by the endpoint in two turns, or by the rules
 * here. Only pairs that are pending and that nobody has touched; each pair's history has the change and undoes it.
 */
import type { EndpointPlan, RewriteReport } from '../contract/endpoint.ts';
import { RewriteRequest } from '../contract/endpoint.ts';
import type { Job, Provenance } from '../contract/schemas.ts';
import { costOf } from '../endpoint/client.ts';
import type { EndpointClient } from '../endpoint/client.ts';
import type { ChatMessage } from '../endpoint/protocol.ts';
import type { JobContext } from '../jobs/queue.ts';
import {
  differencesMessages,
  readDifferences,
  readRewritten,
  rewriteHere,
  rewriteMessages,
} from '../negatives/rewriting.ts';
import { PairService } from '../pairs/pairs.ts';
import {
  askAndRead,
  askRows,
  CHARS_A_TOKEN,
  endpointName,
  enqueueEndpointJob,
  leftEndpointJobs,
  RowFailed,
} from './endpoint-job.ts';
import type { Workbench } from './workbench.ts';

/** Who is stamped on the history where no model elsewhere was asked. */
const RULES = 'rules';
/** Tokens of a list of differences, about. */
const DIFFERENCES_TOKENS = 40;
/** Windows hear of changed pairs at most so often, in milliseconds. */
const TELL_EVERY_MS = 1000;

/** The pairs of a selection that may be rewritten, and how many may not. */
function candidates(
  workbench: Workbench,
  { selection }: RewriteRequest,
): { ids: string[]; leftAlone: number } {
  const pairs = new PairService(workbench.requireProject());
  const all = pairs.ids(selection);
  const ids = all.filter((id) => pairs.isForRewriting(id));
  return { ids, leftAlone: all.length - ids.length };
}

/** What rewriting would send, and about what it would cost. */
export async function rewritePlan(workbench: Workbench, request: RewriteRequest): Promise<EndpointPlan> {
  const { ids } = candidates(workbench, request);
  const rows = ids.length;
  if (request.by === 'local') return { rows, tokensIn: 0, tokensOut: 0, cost: 0, judge: RULES, problem: '' };
  const { settings, problem } = await workbench.endpoint.state();
  const pairs = new PairService(workbench.requireProject());
  let tokensIn = 0;
  let tokensOut = 0;
  const tokens = (messages: ChatMessage[]): number =>
    messages.reduce((sum, { content }) => sum + content.length, 0) / CHARS_A_TOKEN;
  for (const id of ids) {
    const { chosen, rejected } = pairs.stored(id);
    tokensIn +=
      tokens(differencesMessages(chosen, rejected)) +
      tokens(rewriteMessages(chosen, rejected, ' ')) +
      DIFFERENCES_TOKENS;
    tokensOut += DIFFERENCES_TOKENS + chosen.length / CHARS_A_TOKEN;
  }
  tokensIn = Math.round(tokensIn);
  tokensOut = Math.round(tokensOut);
  const priced = settings.priceIn !== null || settings.priceOut !== null;
  const cost = priced ? costOf({ in: tokensIn, out: tokensOut }, settings) : null;
  return { rows, tokensIn, tokensOut, cost, judge: await endpointName(workbench), problem };
}

/** Puts a rewriting in line. @throws UserError UNAVAILABLE when it needs the endpoint and that is off */
export async function rewritePairs(workbench: Workbench, request: RewriteRequest): Promise<Job> {
  workbench.requireProject();
  if (request.by === 'endpoint') await workbench.endpoint.client();
  return enqueue(workbench, request);
}

/** Puts in line, paused, what an earlier process left. */
export function restoreRewriting(workbench: Workbench): void {
  for (const { id, request } of leftEndpointJobs(workbench, 'rewrite'))
    enqueue(workbench, RewriteRequest.parse(request), id);
}

function enqueue(workbench: Workbench, request: RewriteRequest, restored?: string): Job {
  const title =
    request.by === 'endpoint'
      ? 'Rewriting answers through the endpoint'
      : 'Rewriting answers by their differences';
  const run = async (context: JobContext): Promise<RewriteReport> => {
    const client = request.by === 'endpoint' ? await workbench.endpoint.client() : null;
    return new Rewriting(workbench, client, request, context).run();
  };
  return enqueueEndpointJob(workbench, { kind: 'rewrite', title, request, run }, restored);
}

class Rewriting {
  readonly #workbench: Workbench;
  readonly #client: EndpointClient | null;
  readonly #request: RewriteRequest;
  readonly #context: JobContext;
  readonly #pairs: PairService;
  #rewritten = 0;
  #alike = 0;
  #leftAlone = 0;
  #told = performance.now();

  constructor(
    workbench: Workbench,
    client: EndpointClient | null,
    request: RewriteRequest,
    context: JobContext,
  ) {
    this.#workbench = workbench;
    this.#client = client;
    this.#request = request;
    this.#context = context;
    this.#pairs = new PairService(
      workbench.requireProject(),
      (pairId, version) => workbench.hub.emit({ type: 'pair', pairId, version }),
      client?.name ?? RULES,
    );
  }

  async run(): Promise<RewriteReport> {
    const { signal, progress } = this.#context;
    const { ids, leftAlone } = candidates(this.#workbench, this.#request);
    this.#leftAlone = leftAlone;
    const spent = this.#client?.spent ?? 0;
    const cost = (): number => (this.#client?.spent ?? 0) - spent;
    try {
      const { failed, failedWhy } = await askRows({
        rows: ids,
        concurrent: this.#client?.concurrent ?? 1,
        patienceMs: this.#client?.patienceMs ?? 0,
        signal,
        work: (id, stop) => this.#rewrite(id, stop),
        onProgress: (done, told) => {
          const parts = [
            `${done} of ${ids.length} pairs`,
            ...(cost() > 0 ? [`$${cost().toFixed(4)}`] : []),
            ...told,
          ];
          progress(done / ids.length, parts.join(', '));
        },
      });
      const [rewritten, alike] = [this.#rewritten, this.#alike];
      return { rewritten, alike, leftAlone: this.#leftAlone, failed, failedWhy, cost: cost() };
    } finally {
      this.#workbench.hub.emit({ type: 'pairs' });
    }
  }

  async #rewrite(id: string, signal: AbortSignal): Promise<void> {
    const { chosen, rejected } = this.#pairs.stored(id);
    const made = this.#client
      ? await this.#ask(this.#client, chosen, rejected, signal)
      : await this.#byRule(chosen, rejected);
    // Somebody may have opened it meanwhile, or it says the same as it did.
    if (!this.#pairs.isForRewriting(id) || made?.text === rejected) return void this.#leftAlone++;
    const [by, host] = this.#client ? [this.#client.model, this.#client.host] : [RULES, null];
    const rewrite: Provenance['rewrite'] = {
      by,
      host,
      differences: made?.differences ?? null,
      text: made?.text ?? null,
      at: Date.now(),
    };
    this.#pairs.rewrite(id, rewrite);
    if (made) this.#rewritten++;
    else this.#alike++;
    if (performance.now() - this.#told > TELL_EVERY_MS) {
      this.#told = performance.now();
      this.#workbench.hub.emit({ type: 'pairs' });
    }
  }

  /** Two turns of one conversation; null when there is no key difference. @throws RowFailed */
  async #ask(
    client: EndpointClient,
    chosen: string,
    rejected: string,
    signal: AbortSignal,
  ): Promise<{ text: string; differences: string } | null> {
    const differences = await askAndRead(
      client,
      differencesMessages(chosen, rejected),
      readDifferences,
      signal,
    );
    if (differences === null) return null;
    const { text } = await askAndRead(
      client,
      rewriteMessages(chosen, rejected, differences),
      (reply) => readRewritten(reply, chosen),
      signal,
    );
    return { text, differences };
  }

  /** @throws RowFailed */
  async #byRule(chosen: string, rejected: string): Promise<{ text: string; differences: string }> {
    await new Promise(setImmediate); // others work between two pairs
    const made = rewriteHere(chosen, rejected);
    if ('failed' in made) throw new RowFailed(made.failed, { counts: false });
    return made;
  }
}
