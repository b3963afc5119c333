/** @file How far a job is and how long it will take: progress that never runs backwards, seconds left that do not jump about. */

/** Weight of the newest speed in the smoothed speed per half-life of work time. */
const HALF_LIFE_SECONDS = 10;

/**
 * Estimates the time left of one job from reports of work done. Speed is an exponentially weighted mean over work time
 * (half-life 10 s), so one slow item does not double the estimate; until two reports have come the estimate is unknown.
 */
export class ProgressEstimator {
  readonly #now: () => number;
  readonly #start: number;
  #lastAt: number;
  #fraction: number;
  /** Smoothed speed in fraction per second, as a debiased weighted mean. */
  #speedSum = 0;
  #speedWeight = 0;
  #secondsLeft: number | null = null;
  #estimatedAt = 0;

  /** `now` gives milliseconds of a clock that is never set; replaced in tests. `done`: the fraction that was done before and took no time of this job. */
  constructor(now: () => number = () => performance.now(), done = 0) {
    this.#now = now;
    this.#fraction = done;
    this.#start = this.#lastAt = now();
  }

  /** Fraction done, 0..1; never decreases. */
  get progress(): number {
    return this.#fraction;
  }

  /** Seconds since the start. */
  get elapsed(): number {
    return (this.#now() - this.#start) / 1000;
  }

  /** Reports the work done so far as a fraction of all; a smaller value than before is ignored. */
  update(fraction: number): void {
    const now = this.#now();
    const done = Math.min(1, Math.max(this.#fraction, fraction));
    const seconds = (now - this.#lastAt) / 1000;
    if (done === this.#fraction || seconds <= 0) {
      // Preparations (loading a model, decoding) are not the work: the clock starts at the last report of 0.
      if (this.#speedWeight === 0) this.#lastAt = now;
      this.#fraction = done;
      return;
    }
    const keep = 0.5 ** (seconds / HALF_LIFE_SECONDS);
    const speed = (done - this.#fraction) / seconds;
    this.#speedSum = keep * this.#speedSum + (1 - keep) * speed;
    this.#speedWeight = keep * this.#speedWeight + (1 - keep);
    this.#fraction = done;
    this.#lastAt = now;
    const estimate = ((1 - done) * this.#speedWeight) / this.#speedSum;
    const shown = this.secondsLeft;
    // Counting down is what people expect: the figure rises only when it was wrong by more than a tenth.
    this.#secondsLeft = shown !== null && estimate > shown && estimate < shown * 1.1 + 1 ? shown : estimate;
    this.#estimatedAt = now;
  }

  /** Seconds left, ticking down between reports; null while unknown. */
  get secondsLeft(): number | null {
    if (this.#secondsLeft === null) return null;
    return Math.max(0, this.#secondsLeft - (this.#now() - this.#estimatedAt) / 1000);
  }
}

/** Milliseconds over which {@link Throughput} looks back. */
const WINDOW_MS = 10_000;

/** How much is done a second, over the last ten seconds. */
export class Throughput {
  readonly #now: () => number;
  readonly #start: number;
  readonly #entries: { at: number; amount: number }[] = [];
  #sum = 0;

  /** `now` gives milliseconds of a clock that is never set; replaced in tests. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#start = now();
  }

  add(amount: number): void {
    this.#entries.push({ at: this.#now(), amount });
    this.#sum += amount;
  }

  get perSecond(): number {
    const now = this.#now();
    const from = Math.max(this.#start, now - WINDOW_MS);
    while (this.#entries.length > 0 && this.#entries[0].at < from) this.#sum -= this.#entries.shift()!.amount;
    return now === from ? 0 : (1000 * this.#sum) / (now - from);
  }
}

/** "3 s", "2 min 05 s", "1 h 12 min": for people. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
