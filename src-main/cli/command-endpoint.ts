/** @file `rrpo-workbench endpoint`: shows and changes the endpoint of this person; the key comes over stdin, never as an argument. */
import { text } from 'node:stream/consumers';
import type { EndpointState, EndpointTest } from '../contract/endpoint.ts';
import { KEY_VARIABLE } from '../endpoint/key-store.ts';
import { EXIT } from './exit-codes.ts';
import type { CommonOptions, Session } from './session.ts';

export type EndpointOptions = CommonOptions & {
  url?: string;
  model?: string;
  on?: boolean;
  off?: boolean;
  priceIn?: number;
  priceOut?: number;
  spendLimit?: number;
  requestsPerMinute?: number;
  allowPlainHttp?: boolean;
  keyFromStdin?: boolean;
  forgetKey?: boolean;
  test?: boolean;
};

export async function endpointCommand(
  { client, output }: Session,
  _: string[],
  options: EndpointOptions,
): Promise<number> {
  const { url, model, priceIn, priceOut, spendLimit, requestsPerMinute, allowPlainHttp } = options;
  const enabled = options.on === true ? true : options.off === true ? false : undefined;
  const changes = { url, model, priceIn, priceOut, spendLimit, requestsPerMinute, allowPlainHttp, enabled };
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  let state = await client.endpoint.state();
  if (Object.keys(given).length > 0) state = await client.endpoint.save({ ...state.settings, ...given });
  if (options.forgetKey === true) state = await client.endpoint.setKey({ key: null });
  if (options.keyFromStdin === true)
    state = await client.endpoint.setKey({ key: (await text(process.stdin)).trim() });
  const test = options.test === true ? await client.endpoint.test() : null;
  if (test !== null) state = await client.endpoint.state();
  output.result({ ...state, ...(test === null ? {} : { test }) }, words(state, test));
  return test?.ok === false ? EXIT.failure : EXIT.ok;
}

function words({ settings, key, usage, problem }: EndpointState, test: EndpointTest | null): string {
  const { enabled, url, model } = settings;
  const shown = key.lastFour === null ? 'set' : `set, ends in ${key.lastFour}`;
  return [
    `endpoint ${enabled ? 'on' : 'off'}: ${model || 'no model'} at ${url || 'no address'}`,
    `key ${key.set ? shown : `not set (or give it in ${KEY_VARIABLE})`}; kept ${key.place}`,
    `spent $${usage.cost.toFixed(4)}: ${usage.requests} requests, ${usage.tokensIn} + ${usage.tokensOut} tokens, ${usage.cached} answered from before`,
    ...(problem === '' ? [] : [problem]),
    ...(test === null ? [] : [`${test.message} ${test.hint}`.trim()]),
  ].join('\n');
}
