/**
 * @file A language model behind an OpenAI-compatible address that the person may configure: settings, key, what was spent, and the jobs that
 * ask it. Off until it is switched on; the key itself never crosses this border towards the window.
 */
import { z } from 'zod';
import { PairSelection, Rate, Verdict } from './schemas.ts';

/** What a person sets. Prices are in US dollars for a million tokens; null: not known, and then no cost is counted. */
export const EndpointSettings = z.object({
  /** Nothing is sent anywhere while this is false. */
  enabled: z.boolean().default(false),
  /** Base address, such as `https://api.openai.com/v1`; `/chat/completions` is added. */
  url: z.string().max(2000).default(''),
  model: z.string().max(200).default(''),
  /** Allows `http:` to a machine other than this one: what is sent, the key too, can be read on the way. */
  allowPlainHttp: z.boolean().default(false),
  priceIn: z.number().nonnegative().nullable().default(null),
  priceOut: z.number().nonnegative().nullable().default(null),
  /** No request is sent that could take the spending in all over this, in dollars; null: no limit. */
  spendLimit: z.number().nonnegative().nullable().default(null),
  requestsPerMinute: z.number().int().min(1).max(60_000).default(60),
  /** Requests under way at the same time. */
  concurrent: z.number().int().min(1).max(32).default(4),
  /** For one request, from the first byte sent to the last one received. */
  timeoutSeconds: z.number().positive().max(280).default(60),
  /** More tries after a failure that may pass (429, 5xx, connection, unreadable reply). */
  retries: z.number().int().min(0).max(8).default(4),
  /** How long a job waits for an endpoint that has gone away before it ends, in minutes. */
  patienceMinutes: z.number().min(0).max(1440).default(10),
  /** Longest reply in tokens; a model that reasons needs room for that too. */
  maxTokens: z.number().int().min(16).max(32_000).default(1024),
});
export type EndpointSettings = z.infer<typeof EndpointSettings>;

/** What was asked and spent, over all projects of this person. */
export const EndpointUsage = z.object({
  requests: z.number().int(),
  /** Questions that were answered from an earlier reply, for nothing. */
  cached: z.number().int(),
  tokensIn: z.number().int(),
  tokensOut: z.number().int(),
  /** Replies that did not say how many tokens they cost. */
  uncounted: z.number().int(),
  /** US dollars at the prices of the time. */
  cost: z.number(),
});
export type EndpointUsage = z.infer<typeof EndpointUsage>;

export const EndpointState = z.object({
  settings: EndpointSettings,
  key: z.object({
    set: z.boolean(),
    /** Null for none, and for one too short to show a part of it. */
    lastFour: z.string().nullable(),
    /** The address it belongs to: it is sent nowhere else. */
    origin: z.string().nullable(),
    /** Where a key is kept here, in words. */
    place: z.string(),
  }),
  usage: EndpointUsage,
  /** Why it cannot be asked; empty when it can. */
  problem: z.string(),
});
export type EndpointState = z.infer<typeof EndpointState>;

/** What one tiny request brought. */
export const EndpointTest = z.object({ ok: z.boolean(), message: z.string(), hint: z.string() });
export type EndpointTest = z.infer<typeof EndpointTest>;

/** What a job would send. `cost` is a guess from the length of the texts; null without prices. */
export const EndpointPlan = z.object({
  rows: z.number().int(),
  tokensIn: z.number().int(),
  tokensOut: z.number().int(),
  cost: z.number().nullable(),
  /** Model and host. */
  judge: z.string(),
  /** Why it cannot be started; empty when it can. */
  problem: z.string(),
});
export type EndpointPlan = z.infer<typeof EndpointPlan>;

/** Outcome of a judge job. */
export const JudgeReport = z.object({
  judge: z.string(),
  judged: z.number().int(),
  /** Verdicts that are another than the local rules gave. */
  changed: z.number().int(),
  /** Answers that keep their local verdict, and why. */
  failed: z.number().int(),
  failedWhy: z.array(z.object({ reason: z.string(), rows: z.number().int() })),
  /** What this run was charged, in dollars. */
  cost: z.number(),
});
export type JudgeReport = z.infer<typeof JudgeReport>;

/** How often a judge's verdicts stood before a person. */
export const JudgePrecision = z.object({
  /** Model and host; null: the rules of this program. */
  judge: z.string().nullable(),
  answers: z.number().int(),
  precision: z.record(Verdict, Rate),
});
export type JudgePrecision = z.infer<typeof JudgePrecision>;

/** Which pairs to rewrite, and by whom: the endpoint in two turns, or the rules here. Only pending pairs nobody has touched are. */
export const RewriteRequest = z.object({
  by: z.enum(['endpoint', 'local']),
  selection: PairSelection.default({ filter: { status: 'pending', type: 'open_ended' }, except: [] }),
});
export type RewriteRequest = z.infer<typeof RewriteRequest>;

export const RewriteReport = z.object({
  rewritten: z.number().int(),
  /** Pairs without a key difference, moved to second look. */
  alike: z.number().int(),
  /** Pairs that the selection names and that are not for rewriting: decided, touched, written by hand, or rewritten before. */
  leftAlone: z.number().int(),
  failed: z.number().int(),
  failedWhy: z.array(z.object({ reason: z.string(), rows: z.number().int() })),
  cost: z.number(),
});
export type RewriteReport = z.infer<typeof RewriteReport>;
