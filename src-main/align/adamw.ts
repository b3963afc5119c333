/** @file AdamW on the host in float32, with the arithmetic of `torch.optim.AdamW`; gradient accumulation and clipping. */

/** One trainable tensor. `data` is updated in place. */
export type Parameter = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
};

/** Hyper-parameters of {@link AdamW}; the learning rate is given at each step. */
export type AdamWOptions = {
  /** Decay of the first moment. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the second moment. @default 0.999 */
  readonly beta2?: number;
  /** Added to the root of the second moment. @default 1e-8 */
  readonly eps?: number;
  /** Decoupled weight decay, applied as `p *= 1 - lr * weightDecay` before the update. @default 0 */
  readonly weightDecay?: number;
  /** Which parameters decay. @default those with two or more dimensions (no biases, no norms) */
  readonly decays?: (parameter: Parameter) => boolean;
};

/** Everything that must be saved to continue a run bit for bit: step count and both moments, by parameter name. */
export type AdamWState = {
  readonly step: number;
  readonly first: ReadonlyMap<string, Float32Array>;
  readonly second: ReadonlyMap<string, Float32Array>;
};

/** Decoupled weight decay Adam (Loshchilov & Hutter 2019) with bias correction as in torch. */
export class AdamW {
  readonly parameters: readonly Parameter[];
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #eps: number;
  readonly #weightDecay: number;
  readonly #decays: (parameter: Parameter) => boolean;
  readonly #first: Float32Array[];
  readonly #second: Float32Array[];
  #step = 0;

  constructor(parameters: readonly Parameter[], options: AdamWOptions = {}) {
    this.parameters = parameters;
    this.#beta1 = options.beta1 ?? 0.9;
    this.#beta2 = options.beta2 ?? 0.999;
    this.#eps = options.eps ?? 1e-8;
    this.#weightDecay = options.weightDecay ?? 0;
    this.#decays = options.decays ?? ((parameter) => parameter.shape.length >= 2);
    this.#first = parameters.map((p) => new Float32Array(p.data.length));
    this.#second = parameters.map((p) => new Float32Array(p.data.length));
  }

  /** Optimizer steps taken so far. */
  get steps(): number {
    return this.#step;
  }

  /**
   * One update. `gradients[i]` belongs to `parameters[i]` and is multiplied by `gradientScale` on the way (the
   * factor of {@link clipFactor}, so clipping needs no pass of its own).
   */
  step(gradients: readonly Float32Array[], learningRate: number, gradientScale = 1): void {
    if (gradients.length !== this.parameters.length)
      throw new Error(
        `internal: AdamW: expected ${this.parameters.length} gradients, got ${gradients.length}`,
      );
    this.#step += 1;
    const beta1 = this.#beta1;
    const beta2 = this.#beta2;
    const stepSize = learningRate / (1 - beta1 ** this.#step);
    const secondRoot = Math.sqrt(1 - beta2 ** this.#step);
    const eps = this.#eps;
    this.parameters.forEach((parameter, index) => {
      const p = parameter.data;
      const g = gradients[index];
      const m = this.#first[index];
      const v = this.#second[index];
      if (g.length !== p.length)
        throw new Error(
          `internal: AdamW: gradient of ${parameter.name} has ${g.length} values, expected ${p.length}`,
        );
      const keep = this.#decays(parameter) ? 1 - learningRate * this.#weightDecay : 1;
      for (let i = 0; i < p.length; i++) {
        const gradient = g[i] * gradientScale;
        const first = m[i] + (gradient - m[i]) * (1 - beta1);
        const second = v[i] * beta2 + gradient * gradient * (1 - beta2);
        m[i] = first;
        v[i] = second;
        p[i] = p[i] * keep - (stepSize * first) / (Math.sqrt(second) / secondRoot + eps);
      }
    });
  }

  /** The state by parameter name; the arrays are live, so write them out before the next step. */
  state(): AdamWState {
    const named = (arrays: Float32Array[]) =>
      new Map(this.parameters.map((p, i) => [p.name, arrays[i]] as const));
    return { step: this.#step, first: named(this.#first), second: named(this.#second) };
  }

  /** Restores a saved state. Throws when a parameter is missing or has another size. */
  restore(state: AdamWState): void {
    this.parameters.forEach((parameter, index) => {
      for (const [moments, saved, what] of [
        [this.#first, state.first, 'first'],
        [this.#second, state.second, 'second'],
      ] as const) {
        const values = saved.get(parameter.name);
        if (values?.length !== parameter.data.length)
          throw new Error(
            `optimizer state: expected ${parameter.data.length} values of the ${what} moment of ${parameter.name}, ` +
              `got ${values ? values.length : 'none'}`,
          );
        moments[index].set(values);
      }
    });
    this.#step = state.step;
  }
}

/** Sums gradients of several micro-batches in float32, in the order in which they arrive. */
export class GradientAccumulator {
  readonly sums: readonly Float32Array[];

  constructor(parameters: readonly Parameter[]) {
    this.sums = parameters.map((p) => new Float32Array(p.data.length));
  }

  /** Adds `weight * gradients`; a mean over n micro-batches is n calls with weight 1/n. */
  add(gradients: readonly Float32Array[], weight: number): void {
    this.sums.forEach((sum, index) => {
      const g = gradients[index];
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i] + g[i] * weight;
    });
  }

  /** Back to zero, for the next optimizer step. */
  reset(): void {
    for (const sum of this.sums) sum.fill(0);
  }
}

/** L2 norm over all gradients together, accumulated in float64. */
export function globalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const g of gradients) for (let i = 0; i < g.length; i++) sum += g[i] * g[i];
  return Math.sqrt(sum);
}

/**
 * Factor that brings gradients of norm `norm` down to `maxNorm`; 1 when they are below it or `maxNorm` is null.
 * The 1e-6 is torch's (`clip_grad_norm_`).
 */
export function clipFactor(norm: number, maxNorm: number | null): number {
  return maxNorm === null ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
