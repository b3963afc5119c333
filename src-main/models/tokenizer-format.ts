/**
 * @file `tokenizer.json` as data: which tokenizers we compute, the added tokens, the template, and a pre-tokenizer that the
 * JavaScript package computes as the reference does.
 */
import { UserError } from '../platform/errors.ts';

/** A parsed JSON object. */
export type Json = Record<string, unknown>;

/** A token outside the BPE vocabulary, found in the text before (or, `normalized`, after) normalization. */
export type Added = {
  id: number;
  content: string;
  special: boolean;
  normalized: boolean;
  lstrip: boolean;
  rstrip: boolean;
  singleWord: boolean;
};

/** GPT-2's split pattern, the one `ByteLevel` with `use_regex` applies. */
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The steps of a component that may be a Sequence. */
export function sequenceOf(step: Json | null | undefined, key: string): Json[] {
  if (!step) return [];
  return step.type === 'Sequence' ? (step[key] as Json[]) : [step];
}

/** Refuses, by key, tokenizers of another kind than byte-level BPE. */
export function checkSupported(json: Json, file: string): void {
  const fail = (what: string, got: unknown) =>
    new UserError(
      'UNSUPPORTED',
      `${file}: ${what}, got ${JSON.stringify(got) ?? 'nothing'}`,
      'Choose a checkpoint with a byte-level BPE tokenizer (Qwen2, Llama 3, SmolLM2).',
    );
  const model = json.model as Json | undefined;
  if (model?.type !== 'BPE' || typeof model.vocab !== 'object')
    throw fail('model.type: expected "BPE"', model?.type);
  if (model.byte_fallback === true) throw fail('model.byte_fallback: expected false', true);
  const normalizers = sequenceOf(json.normalizer as Json | null, 'normalizers');
  for (const n of normalizers) if (n.type !== 'NFC') throw fail('normalizer: expected NFC or none', n.type);
  const steps = sequenceOf(json.pre_tokenizer as Json | null, 'pretokenizers');
  const byteLevel = steps.at(-1);
  if (byteLevel?.type !== 'ByteLevel') throw fail('pre_tokenizer: expected ByteLevel last', byteLevel?.type);
  if (byteLevel.add_prefix_space === true) throw fail('pre_tokenizer.add_prefix_space: expected false', true);
  for (const step of steps.slice(0, -1))
    if (step.type !== 'Digits' && !(step.type === 'Split' && step.behavior === 'Isolated'))
      throw fail('pre_tokenizer: expected Digits or isolated Split before ByteLevel', step);
}

/** The same pre-tokenizer in steps that the package computes as the reference does; see the head of this file. */
export function faithfulPreTokenizer(preTokenizer: Json): Json {
  const split = (regex: string): Json => ({
    type: 'Split',
    pattern: { Regex: regex },
    behavior: 'Isolated',
    invert: false,
  });
  const steps = sequenceOf(preTokenizer, 'pretokenizers').flatMap((step): Json[] => {
    switch (step.type) {
      case 'Digits':
        return [split(step.individual_digits === true ? '\\p{N}' : '\\p{N}+')];
      case 'ByteLevel':
        return [
          ...((step.use_regex ?? true) === true ? [split(GPT2_PATTERN)] : []),
          { ...step, use_regex: false },
        ];
      default: {
        const { Regex: regex } = step.pattern as { Regex?: string };
        return [regex === undefined ? step : split(expandCaseInsensitive(regex))];
      }
    }
  });
  return { type: 'Sequence', pretokenizers: steps };
}

/**
 * Spells out `(?i:...)` groups: each letter becomes the class of all characters that fold to it. Two folds leave ASCII:
 * U+017F (long s) with s, and U+212A (Kelvin sign) with k.
 */
function expandCaseInsensitive(regex: string): string {
  return regex.replace(/\(\?i:([^()\\[\]]*)\)/g, (_, body: string) => {
    const spelled = body.replace(/[a-z]/gi, (letter) => {
      const low = letter.toLowerCase();
      const other = low === 's' ? '\u017f' : low === 'k' ? '\u212a' : '';
      return `[${low}${low.toUpperCase()}${other}]`;
    });
    return `(?:${spelled})`;
  });
}

/** Added tokens of both files; tokenizer.json wins. */
export function readAdded(json: Json, config: Json): Added[] {
  const all = new Map<number, Json>();
  const fromConfig = (config.added_tokens_decoder ?? {}) as Record<string, Json>;
  for (const [id, token] of Object.entries(fromConfig)) all.set(Number(id), token);
  for (const token of (json.added_tokens ?? []) as Json[]) all.set(Number(token.id), token);
  return [...all].map(([id, t]) => ({
    id,
    content: String(t.content as string),
    special: t.special === true,
    normalized: (t.normalized ?? t.special !== true) === true,
    lstrip: t.lstrip === true,
    rstrip: t.rstrip === true,
    singleWord: t.single_word === true,
  }));
}

/** Ids that a TemplateProcessing step puts around a single text. */
export function readTemplate(step: Json | undefined, ids: ReadonlyMap<string, number>) {
  const template = { before: [] as number[], after: [] as number[] };
  let side = template.before;
  for (const item of (step?.single ?? []) as Json[]) {
    if (item.Sequence) side = template.after;
    const special = item.SpecialToken as { id: string } | undefined;
    const id = special && ids.get(special.id);
    if (id !== undefined) side.push(id);
  }
  return template;
}
