/** @file `rrpo-workbench judge`: open-ended answers judged once more, through the endpoint. */
import path from 'node:path';
import type { JudgeReport } from '../contract/endpoint.ts';
import type { CommonOptions, Session } from './session.ts';

export type JudgeOptions = CommonOptions & { dryRun?: boolean };

export async function judgeCommand(
  { client, output, follow }: Session,
  [folder]: string[],
  { dryRun = false }: JudgeOptions,
): Promise<void> {
  await client.project.open({ path: path.resolve(folder) });
  if (dryRun) {
    const plan = await client.negatives.judgePlan();
    return output.result(plan, planText('answers', plan));
  }
  const report = (await follow(await client.negatives.judge())) as JudgeReport;
  output.result(report, judgedLines(report).join('\n'));
}

/** What came of a judging. */
export function judgedLines({ judged, judge, changed, failed, failedWhy, cost }: JudgeReport): string[] {
  return [
    `${judged} answers judged by ${judge}, ${changed} verdicts changed, ${failed} failed; $${cost.toFixed(4)}`,
    ...failedLines(failedWhy),
  ];
}

/** What a job would send, in one line. */
export function planText(
  what: string,
  {
    rows,
    tokensIn,
    tokensOut,
    cost,
    problem,
  }: { rows: number; tokensIn: number; tokensOut: number; cost: number | null; problem: string },
): string {
  const about = cost === null ? 'cost unknown: no prices are set' : `about $${cost.toFixed(4)}`;
  return `${rows} ${what}, about ${tokensIn} + ${tokensOut} tokens, ${about}${problem === '' ? '' : `\n${problem}`}`;
}

export const failedLines = (failedWhy: JudgeReport['failedWhy']): string[] =>
  failedWhy.map(({ reason, rows }) => `  ${rows} failed: ${reason}`);
