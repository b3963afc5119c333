/** @file The part of the chat-completions protocol that is spoken here, and addresses it may be spoken to. */
import { z } from 'zod';
import { UserError } from '../platform/errors.ts';

export const ChatMessage = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string().min(1),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

/** What is sent, before it is put into the words of one server. */
export const ChatRequest = z.object({
  model: z.string().min(1),
  messages: z.array(ChatMessage).min(1),
  temperature: z.number(),
  maxTokens: z.number().int().positive(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/** Tokens as the server counted them. */
export type Tokens = { in: number; out: number };

const Count = z.number().int().nonnegative();

/** What comes back; servers add fields of their own. */
export const ChatCompletion = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
});

/** Read by itself: a reply is paid for also when the rest of it makes no sense. */
export const UsageOnly = z.object({ usage: z.object({ prompt_tokens: Count, completion_tokens: Count }) });

/** The server's own words about a failure, in the forms that are common. */
export const ErrorBody = z.union([
  z.object({ error: z.object({ message: z.string(), code: z.unknown().optional() }) }),
  z.object({ error: z.string() }),
  z.object({ message: z.string() }),
  z.object({ detail: z.string() }),
]);

/** Fields that some servers refuse; each is left out or renamed after the server said so. */
export type Refused = ReadonlySet<'max_tokens' | 'temperature'>;

/** The body of a request. */
export function requestBody(
  { model, messages, temperature, maxTokens }: ChatRequest,
  refused: Refused,
): string {
  return JSON.stringify({
    model,
    messages,
    stream: false,
    ...(refused.has('temperature') ? {} : { temperature }),
    ...(refused.has('max_tokens') ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
  });
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** True for this machine. */
const isLoopback = ({ hostname }: URL): boolean => LOOPBACK.test(hostname);

/**
 * The address that questions go to, from the base address a person typed.
 * @throws UserError BAD_INPUT for anything but https, or http to this machine (elsewhere only when `allowPlainHttp`), and for an address
 * that carries a name or password
 */
export function chatUrl(base: string, allowPlainHttp: boolean): URL {
  const given = base.trim();
  const url = URL.parse(given);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new UserError(
      'BAD_INPUT',
      `endpoint: expected an address such as https://api.openai.com/v1, got "${given}"`,
      'Enter the base address of an OpenAI-compatible server.',
    );
  if (url.username !== '' || url.password !== '')
    throw new UserError(
      'BAD_INPUT',
      'endpoint: expected an address without a name or password in it, got one with',
      'Enter the key in its own field.',
    );
  if (url.protocol === 'http:' && !isLoopback(url) && !allowPlainHttp)
    throw new UserError(
      'BAD_INPUT',
      `endpoint: expected https, or http on this machine, got ${url.protocol}//${url.host}`,
      'Use https, or allow unencrypted requests to this host in Settings: others on the way can read them, the key too.',
    );
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/chat/completions') ? path : `${path}/chat/completions`;
  url.hash = '';
  return url;
}
