/** @file Checker of tokenizer fixtures: texts, offsets, decoding, padding, chat renderings, video and image prompt expansion; all exact. */
import path from 'node:path';
import { ChatTemplate, SMOLVLM_VIDEO_TEMPLATE } from '../../src-main/models/chat-template.ts';
import type { ChatMessage } from '../../src-main/models/chat-template.ts';
import { readJson } from '../../src-main/models/checkpoint.ts';
import {
  Processor,
  smolVlmImageExpansion,
  smolVlmTiles,
  smolVlmVideoExpansion,
} from '../../src-main/models/processor.ts';
import { openTokenizer } from '../../src-main/models/tokenizer.ts';
import type { TextTokenizer } from '../../src-main/models/tokenizer.ts';
import { exactRow, exactRows } from './compare.ts';
import type { Checker, Row } from './types.ts';

type Text = {
  name: string;
  text: string;
  ids: number[];
  tokens: string[];
  offsets: [number, number][];
  decoded: string;
  decoded_skip_special_tokens: string;
  normalized?: string;
  pieces?: string[];
};
type Decode = { name: string; ids: number[]; decoded: string; decoded_skip_special_tokens: string };
type Chat = {
  name: string;
  template: string;
  add_generation_prompt: boolean;
  messages: ChatMessage[];
  text: string;
  ids: number[];
  assistant_mask?: number[];
};
type Padding = { texts: string[]; padding_side: string; ids: number[][]; attention_mask: number[][] };
/** Metadata of one video, as transformers' VideoMetadata. */
export type Metadata = { fps: number; frames_indices: number[]; duration: number | null };
type VideoExpansionCase = {
  name: string;
  messages: ChatMessage[];
  frames_per_video: number[];
  video_metadata: Metadata[] | null;
  chat_text: string;
  expanded_text: string;
  ids: number[];
};
type ImageExpansionCase = {
  name: string;
  messages: ChatMessage[];
  image_height_width: [number, number];
  do_image_splitting: boolean;
  pixel_values_shape: number[];
  chat_text: string;
  expanded_text: string;
  ids: number[];
};
type TokenizerManifest = {
  special_ids: Record<string, number>;
  eos_token_id: number | null;
  pad_token_id: number | null;
  bos_token_id: number | null;
  texts: Text[];
  decode?: Decode[];
  chat?: Chat[];
  padding?: Padding[];
  video_expansion?: VideoExpansionCase[];
  image_expansion?: ImageExpansionCase[];
};

/** A PromptVideo from transformers' metadata. */
export function promptVideo(frames: number, metadata: Metadata | null | undefined) {
  if (!metadata) return { frames };
  return {
    frames,
    times: metadata.frames_indices.map((index) => index / metadata.fps),
    ...(metadata.duration === null ? {} : { duration: metadata.duration }),
  };
}

function* textRows(tokenizer: TextTokenizer, texts: Text[]): Generator<Row> {
  const encoded = texts.map((t) => ({ want: t, got: tokenizer.encode(t.text) }));
  const all = (output: string, rows: Row[]) => exactRows(output, rows);
  const normalized = texts.filter((t) => t.normalized !== undefined);
  const pieces = texts.filter((t) => t.pieces !== undefined);
  yield all(
    'normalized',
    normalized.map((t) => exactRow(t.name, tokenizer.normalize(t.text), t.normalized)),
  );
  yield all(
    'pieces',
    pieces.map((t) => exactRow(t.name, tokenizer.pieces(t.text), t.pieces)),
  );
  yield all(
    'ids',
    encoded.map(({ want, got }) => exactRow(want.name, got.ids, want.ids)),
  );
  yield all(
    'tokens',
    encoded.map(({ want, got }) => exactRow(want.name, got.tokens, want.tokens)),
  );
  yield all(
    'offsets',
    encoded.map(({ want, got }) => exactRow(want.name, got.offsets, want.offsets)),
  );
}

function* decodeRows(tokenizer: TextTokenizer, decode: Decode[]): Generator<Row> {
  yield exactRows(
    'decoded',
    decode.map((d) => exactRow(d.name, tokenizer.decode(d.ids), d.decoded)),
  );
  yield exactRows(
    'decoded_skip_special_tokens',
    decode.map((d) =>
      exactRow(d.name, tokenizer.decode(d.ids, { skipSpecialTokens: true }), d.decoded_skip_special_tokens),
    ),
  );
}

async function* chatRows(hub: string, tokenizer: TextTokenizer, chat: Chat[]): AsyncGenerator<Row> {
  const texts: Row[] = [];
  const ids: Row[] = [];
  const masks: Row[] = [];
  for (const c of chat) {
    const file = path.join(hub, c.template);
    const { chat_template: source } = (await readJson(file, '')) as { chat_template: string };
    const rendered = new ChatTemplate(source, file).render(c.messages, {
      addGenerationPrompt: c.add_generation_prompt,
    });
    texts.push(exactRow(c.name, rendered.text, c.text));
    const encoded = tokenizer.encode(rendered.text);
    ids.push(exactRow(c.name, encoded.ids, c.ids));
    if (!c.assistant_mask) continue;
    const inside = ([start, end]: [number, number]) =>
      rendered.generated.some(([a, b]) => start < b && end > a) ? 1 : 0;
    masks.push(exactRow(c.name, encoded.offsets.map(inside), c.assistant_mask));
  }
  yield exactRows('chat text', texts);
  yield exactRows('chat ids', ids);
  if (masks.length > 0) yield exactRows('chat assistant_mask', masks);
}

function* paddingRows(tokenizer: TextTokenizer, padding: Padding[]): Generator<Row> {
  for (const { texts, padding_side: side, ids, attention_mask: mask } of padding) {
    const rows = texts.map((text) => tokenizer.encode(text).ids);
    const width = Math.max(...rows.map((r) => r.length));
    const pad = (row: number[], fill: number[]) => (side === 'left' ? [...fill, ...row] : [...row, ...fill]);
    const filled = (row: number[], value: number) => new Array<number>(width - row.length).fill(value);
    yield exactRow(
      `padding ${side} ids`,
      rows.map((r) => pad(r, filled(r, tokenizer.padId!))),
      ids,
    );
    const ones = rows.map((r) =>
      pad(
        r.map(() => 1),
        filled(r, 0),
      ),
    );
    yield exactRow(`padding ${side} mask`, ones, mask);
  }
}

/** `<image>` tokens of one picture: what the fixture's processor was configured with. */
function tokensPerPicture(text: string): number {
  return /(?:<image>)+/.exec(text)![0].length / '<image>'.length;
}

function* expansionRows(tokenizer: TextTokenizer, manifest: TokenizerManifest): Generator<Row> {
  const template = new ChatTemplate(SMOLVLM_VIDEO_TEMPLATE, 'built-in');
  const rows: { chat: Row; text: Row; ids: Row }[] = [];
  for (const c of manifest.video_expansion ?? []) {
    const processor = new Processor({
      pixels: undefined,
      template,
      expand: smolVlmVideoExpansion(tokensPerPicture(c.expanded_text)),
    });
    const videos = c.frames_per_video.map((frames, i) => promptVideo(frames, c.video_metadata?.[i]));
    const prompt = processor.prompt(tokenizer, c.messages, videos);
    rows.push({
      chat: exactRow(c.name, prompt.chatText, c.chat_text),
      text: exactRow(c.name, prompt.text, c.expanded_text),
      ids: exactRow(c.name, prompt.ids, c.ids),
    });
  }
  for (const c of manifest.image_expansion ?? []) {
    const chatText = template.render(c.messages).text;
    const [height, width] = c.image_height_width;
    const tile = c.pixel_values_shape.at(-1)!;
    // Published processors resize the longest edge to four tiles before splitting.
    const [down, across] = c.do_image_splitting ? smolVlmTiles(height, width, 4 * tile, tile) : [0, 0];
    const expansion = smolVlmImageExpansion(tokensPerPicture(c.expanded_text), down, across);
    const text = chatText.replaceAll('<image>', () => expansion);
    rows.push({
      chat: exactRow(c.name, chatText, c.chat_text),
      text: exactRow(c.name, text, c.expanded_text),
      ids: exactRow(c.name, tokenizer.encode(text).ids, c.ids),
    });
  }
  if (rows.length === 0) return;
  yield exactRows(
    'expansion chat_text',
    rows.map((r) => r.chat),
  );
  yield exactRows(
    'expansion expanded_text',
    rows.map((r) => r.text),
  );
  yield exactRows(
    'expansion ids',
    rows.map((r) => r.ids),
  );
}

/** Tokenizer fixtures: a `hub/` folder and texts with what the reference makes of them. */
export const tokenizer: Checker = {
  matches: (m) => Array.isArray(m.texts) && 'special_ids' in m,
  async *check(dir, untyped) {
    const manifest = untyped as unknown as TokenizerManifest;
    const hub = path.join(dir, 'hub');
    const own = await openTokenizer(hub);
    const specials = Object.keys(manifest.special_ids);
    yield exactRow(
      'special_ids',
      specials.map((s) => own.id(s)),
      Object.values(manifest.special_ids),
    );
    const roles = [manifest.bos_token_id, manifest.eos_token_id, manifest.pad_token_id];
    yield exactRow(
      'bos, eos, pad',
      [own.bosId, own.eosId, own.padId].map((id) => id ?? null),
      roles,
    );
    yield* textRows(own, manifest.texts);
    yield* decodeRows(own, [...manifest.texts, ...(manifest.decode ?? [])]);
    yield* chatRows(hub, own, manifest.chat ?? []);
    yield* paddingRows(own, manifest.padding ?? []);
    yield* expansionRows(own, manifest);
  },
};
