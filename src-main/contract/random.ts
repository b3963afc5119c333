/**
 * @file Seeded random numbers that are the same on every machine: xoshiro128** 1.1 (Blackman and Vigna, public domain),
 * 32-bit integer arithmetic only. Recipes, splits, samplers and generators draw from here, so that a seed written
 * into a record reproduces its bytes. Never for secrets: use `node:crypto` there.
 */

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** The finalizer of MurmurHash3: every input bit reaches every output bit. */
function mix32(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** What a generator may be seeded with: a non-negative safe integer, or any text (for example `"split/7"`). */
export type Seed = number | string;

/**
 * A random stream. Equal seeds give equal streams; `fork(label)` gives an independent stream without disturbing this one's
 * order, so adding a draw in one place never changes another place.
 */
export class Random {
  readonly #state: Uint32Array;
  #key: string;

  /** Text and number seeds never collide: `7` and `"7"` are different streams. */
  constructor(seed: Seed) {
    if (typeof seed === 'number' && (!Number.isSafeInteger(seed) || seed < 0))
      throw new RangeError(
        `internal: random seed: expected a non-negative safe integer or text, got ${seed} — round it or pass a string`,
      );
    this.#key = typeof seed === 'number' ? `n${seed}` : `s${seed}`;
    const bytes = new TextEncoder().encode(this.#key);
    const state = new Uint32Array(4);
    // FNV-1a over the bytes from four starts, each finalized: the four words of the state.
    for (let word = 0; word < 4; word++) {
      let h = (0x811c9dc5 ^ Math.imul(word + 1, 0x9e3779b9)) >>> 0;
      for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
      state[word] = mix32(h);
    }
    if (state.every((word) => word === 0)) state[0] = 1; // the one state the generator cannot leave
    this.#state = state;
  }

  /** Starts from raw state words: for test vectors and for resuming from {@link Random.save}. */
  static restore(saved: { key: string; state: readonly number[] }): Random {
    const random = new Random(0);
    if (saved.state.length !== 4 || saved.state.every((word) => word >>> 0 === 0))
      throw new RangeError(
        'internal: random state: expected four words, not all zero — pass what save() returned',
      );
    random.#state.set(saved.state);
    random.#key = saved.key;
    return random;
  }

  /** The whole state, as JSON. */
  save(): { key: string; state: number[] } {
    return { key: this.#key, state: [...this.#state] };
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const s = this.#state;
    const s1 = s[1];
    const result = Math.imul(rotl(Math.imul(s1, 5), 7), 9) >>> 0;
    const t = s1 << 9;
    s[2] = s[2] ^ s[0];
    s[3] = s[3] ^ s1;
    s[1] = s1 ^ s[2];
    s[0] = s[0] ^ s[3];
    s[2] = s[2] ^ t;
    s[3] = rotl(s[3], 11);
    return result;
  }

  /** Uniform float64 in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** Uniform integer in [0, n), without the bias of a plain remainder. `n` in [1, 2^32]. */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x100000000)
      throw new RangeError(`internal: random int: expected a bound in [1, 2^32], got ${n}`);
    const limit = 0x100000000 - (0x100000000 % n);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % n;
    }
  }

  /** Uniform float64 in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.float() < p;
  }

  /** One element of a non-empty list. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)];
  }

  /** A new, uniformly shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const swap = out[i];
      out[i] = out[j]!;
      out[j] = swap;
    }
    return out;
  }

  /** Standard normal (Marsaglia polar). Uses Math.log, which V8 computes in software, the same everywhere V8 runs. */
  normal(): number {
    for (;;) {
      const u = 2 * this.float() - 1;
      const v = 2 * this.float() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s);
    }
  }

  /** An independent stream named by this stream's seed and `label`; this stream is neither read nor advanced. */
  fork(label: Seed): Random {
    return new Random(`${this.#key}/${label}`);
  }
}
