/** @file How a generation asks the model, besides the questions and the recipe. */
import type { GenerateRequest } from '../../../src-main/contract/schemas.ts';

export type Asking = Pick<GenerateRequest, 'temperature' | 'maxNewTokens' | 'tries' | 'adapter' | 'judge'>;

/** The base model, greedy, one try, answers of a few sentences. */
export const FIRST_ASKING: Asking = { temperature: 0, maxNewTokens: 64, tries: 1, adapter: null };
