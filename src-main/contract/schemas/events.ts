/** @file The one stream of events from the services to the window. */
import { z } from 'zod';
import { Id } from './basics.ts';
import { ProjectInfo } from './project.ts';
import { Job } from './jobs.ts';
import { MetricRow, Run } from './train.ts';

/** Everything that changes behind the window's back, on one stream. */
export const AppEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('project'), project: ProjectInfo.nullable() }),
  z.object({ type: z.literal('job'), job: Job }),
  z.object({ type: z.literal('video'), videoId: Id }),
  z.object({ type: z.literal('pair'), pairId: Id, version: z.number().int() }),
  /** So many pairs changed that each is not named. */
  z.object({ type: z.literal('pairs') }),
  z.object({ type: z.literal('library') }),
  z.object({ type: z.literal('run'), run: Run }),
  z.object({ type: z.literal('metrics'), runId: Id, rows: z.array(MetricRow) }),
  z.object({ type: z.literal('evaluation'), evaluationId: Id }),
]);
export type AppEvent = z.infer<typeof AppEvent>;
