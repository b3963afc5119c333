/** @file Dimension arithmetic: a dimension is a number or a canonical polynomial over named symbols, such as 'T', 'P+T' or '2*T-1'. */

/** A number, or an expression over symbolic dimensions in canonical spelling ('T', 'P+T', '4*T', 'B*T', 'T-1'). */
export type Dim = number | string;

/** Polynomial: monomial ('' for the constant, 'B*T' for a product, factors sorted) -> integer coefficient. */
type Polynomial = Map<string, number>;

const SYMBOL = /^[A-Za-z_][A-Za-z0-9_]*$/;

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return new Map(dim === 0 ? [] : [['', dim]]);
  const result: Polynomial = new Map();
  const text = dim.replaceAll(' ', '');
  for (const term of text.split(/(?=[+-])/)) {
    let coefficient = 1;
    let body = term;
    if (body.startsWith('+')) body = body.slice(1);
    else if (body.startsWith('-')) [coefficient, body] = [-1, body.slice(1)];
    const symbols: string[] = [];
    for (const factor of body.split('*')) {
      if (/^\d+$/.test(factor)) coefficient *= Number(factor);
      else if (SYMBOL.test(factor)) symbols.push(factor);
      else throw new Error(`dimension: expected an expression such as 'T' or '2*T+1', got '${dim}'`);
    }
    accumulate(result, symbols.sort().join('*'), coefficient);
  }
  return result;
}

function accumulate(into: Polynomial, monomial: string, coefficient: number): void {
  const sum = (into.get(monomial) ?? 0) + coefficient;
  if (sum === 0) into.delete(monomial);
  else into.set(monomial, sum);
}

function format(polynomial: Polynomial): Dim {
  const constant = polynomial.get('') ?? 0;
  const monomials = [...polynomial.keys()].filter((monomial) => monomial !== '').sort();
  if (monomials.length === 0) return constant;
  let text = '';
  for (const monomial of monomials) {
    const coefficient = polynomial.get(monomial) ?? 0;
    const size = Math.abs(coefficient) === 1 ? monomial : `${Math.abs(coefficient)}*${monomial}`;
    text += coefficient < 0 ? `-${size}` : text === '' ? size : `+${size}`;
  }
  if (constant !== 0) text += constant < 0 ? `${constant}` : `+${constant}`;
  return text;
}

/** Canonical spelling of a dimension. Throws on text that is not an expression over symbols. */
export function normaliseDim(dim: Dim): Dim {
  return format(parse(dim));
}

/** a + b. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = parse(a);
  for (const [monomial, coefficient] of parse(b)) accumulate(sum, monomial, coefficient);
  return format(sum);
}

/** a - b. */
export function subtractDims(a: Dim, b: Dim): Dim {
  return addDims(a, multiplyDims(b, -1));
}

/** a * b. */
export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const product: Polynomial = new Map();
  for (const [left, x] of parse(a)) {
    for (const [right, y] of parse(b)) {
      const symbols = [...left.split('*'), ...right.split('*')].filter((symbol) => symbol !== '');
      accumulate(product, symbols.sort().join('*'), x * y);
    }
  }
  return format(product);
}

/** a / b where the division is exact and b is a number or a single monomial; undefined otherwise. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return 1;
  const divisor = [...parse(b)];
  if (divisor.length !== 1) return undefined;
  const [divisorMonomial, divisorCoefficient] = divisor[0];
  const quotient: Polynomial = new Map();
  for (const [monomial, coefficient] of parse(a)) {
    if (coefficient % divisorCoefficient !== 0) return undefined;
    const symbols = monomial.split('*').filter((symbol) => symbol !== '');
    for (const symbol of divisorMonomial.split('*').filter((part) => part !== '')) {
      const at = symbols.indexOf(symbol);
      if (at < 0) return undefined;
      symbols.splice(at, 1);
    }
    accumulate(quotient, symbols.join('*'), coefficient / divisorCoefficient);
  }
  return format(quotient);
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly Dim[]): Dim {
  return shape.reduce<Dim>((product, dim) => multiplyDims(product, dim), 1);
}

/** Symbols that occur in a dimension, sorted. */
export function symbolsOf(dim: Dim): string[] {
  if (typeof dim === 'number') return [];
  const found = new Set<string>();
  for (const monomial of parse(dim).keys())
    for (const symbol of monomial.split('*')) if (symbol !== '') found.add(symbol);
  return [...found].sort();
}

type Term = { readonly coefficient: number; readonly symbols: readonly string[] };

/** Every run checks its feeds against the same few expressions. */
const knownTerms = new Map<Dim, readonly Term[]>();

/** The terms of a dimension: coefficient and symbols of each monomial. For emitters that compute it at run time. */
export function termsOf(dim: Dim): readonly Term[] {
  let terms = knownTerms.get(dim);
  if (terms === undefined) {
    terms = [...parse(dim)].map(([monomial, coefficient]) => ({
      coefficient,
      symbols: monomial.split('*').filter((symbol) => symbol !== ''),
    }));
    if (typeof dim === 'string') knownTerms.set(dim, terms);
  }
  return terms;
}

/** Replaces bound symbols by their numbers; symbols without a binding stay. */
export function bindDim(dim: Dim, bindings: Readonly<Record<string, number>>): Dim {
  if (typeof dim === 'number') return dim;
  let sum: Dim = 0;
  for (const { coefficient, symbols } of termsOf(dim)) {
    const term = symbols.reduce<Dim>(
      (product, symbol) => multiplyDims(product, bindings[symbol] ?? symbol),
      coefficient,
    );
    sum = addDims(sum, term);
  }
  return sum;
}

/** For a dimension that is a multiple of one symbol ('T', '4*Q'): that symbol and the factor; undefined otherwise. */
export function singleSymbol(dim: Dim): { symbol: string; factor: number } | undefined {
  const [term, ...others] = termsOf(dim);
  if (term === undefined || others.length > 0 || term.symbols.length !== 1) return undefined;
  return { symbol: term.symbols[0], factor: term.coefficient };
}

/** Whether two shapes are equal, symbol for symbol. */
export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** '[T, 512]'. */
export function formatShape(shape: readonly Dim[]): string {
  return `[${shape.join(', ')}]`;
}
