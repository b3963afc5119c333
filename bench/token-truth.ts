/**
 * @file Token truth per key: both answers of 2,000 characters cut by a tokenizer of real size (151,643 tokens: the reference
 * data's Qwen2-like one with merges added), one character typed at a time. Run: `npm run bench -- token-truth`.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { tokenTruth } from '../src-main/services/token-truth.ts';

const GOLDEN = path.resolve(
  import.meta.dirname,
  '..',
  '..',
  'shared',
  'golden',
  'pipeline-llava-onevision-tiny',
  'hub',
);
const VOCABULARY = 151_643;
const KEYS = 200;
const BAR_MS = 50;

type TokenizerJson = { model: { vocab: Record<string, number>; merges: (string | [string, string])[] } };

/** The tokenizer with merges of pairs of its own tokens until it has `VOCABULARY` of them. */
function enlarged(json: TokenizerJson): TokenizerJson {
  const { vocab, merges } = json.model;
  const letters = Object.keys(vocab).filter((token) => /^Ġ?[a-z]{1,6}$/.test(token));
  let next = Math.max(...Object.values(vocab)) + 1;
  const asPair = Array.isArray(merges[0]);
  for (const a of letters)
    for (const b of letters) {
      if (next >= VOCABULARY) return json;
      if (b.startsWith('Ġ') || a + b in vocab) continue;
      vocab[a + b] = next++;
      merges.push(asPair ? [a, b] : `${a} ${b}`);
    }
  return json;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'rrpo-bench-'));
try {
  for (const name of readdirSync(GOLDEN))
    if (name.endsWith('.json')) copyFileSync(path.join(GOLDEN, name), path.join(folder, name));
  const json = JSON.parse(readFileSync(path.join(GOLDEN, 'tokenizer.json'), 'utf8')) as TokenizerJson;
  writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(enlarged(json)));

  const words = 'The small red ball slowly moves leftwards behind a 42 cm tall box, then it stops. '.repeat(
    40,
  );
  const chosen = words.slice(0, 2000);
  let rejected = chosen.replace('leftwards', 'rightwards');
  const phrases = ['leftwards', 'rightwards'].map((quote, i) => {
    const start = (i === 0 ? chosen : rejected).indexOf(quote);
    return { start, end: start + quote.length, quote };
  });
  const phrase = { id: 'p', number: 1, origin: 'person' as const, chosen: phrases[0], rejected: phrases[1] };

  const opened = performance.now();
  await tokenTruth(folder, { chosen, rejected, phrases: [phrase] });
  const first = performance.now() - opened;
  const times: number[] = [];
  let tokens = 0;
  for (let i = 0; i < KEYS; i++) {
    rejected += 'typed here '[i % 11];
    const started = performance.now();
    const truth = await tokenTruth(folder, { chosen, rejected, phrases: [phrase] });
    times.push(performance.now() - started);
    tokens = truth.chosen.length + truth.rejected.length;
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => times[Math.floor(share * (KEYS - 1))].toFixed(1);
  console.log(`${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, Node ${process.version}`);
  console.table({
    [`first call, opens ${Object.keys(json.model.vocab).length} tokens`]: {
      ms: first.toFixed(0),
      note: 'once a model',
    },
    [`each of ${KEYS} keys`]: {
      ms: at(0.5),
      note: `median; 95 % within ${at(0.95)} ms, slowest ${at(1)} ms (bar: ${BAR_MS} ms from key to screen); ${tokens} tokens`,
    },
  });
  process.exitCode = Number(at(0.95)) > BAR_MS ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
