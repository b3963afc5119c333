/** @file The client, typed by the contract: `api.pairs.get({ pairId })`. */
import { createORPCClient } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import type { Contract } from '../../src-main/contract/contract.ts';
import type { Connection } from './connection.ts';

export type Api = ContractRouterClient<Contract>;

export function createApi(connection: Connection): Api {
  return createORPCClient<Api>(connection);
}
