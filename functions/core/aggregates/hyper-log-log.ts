import { corrupt, type Json } from './aggregate.ts';
import { byText, digits64 } from './scalar.ts';

/**
 * HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with 64-bit hashes and the sparse form of HyperLogLog++ (Heule,
 * Nunkesser, Hall, 2013). While hashes are few, they are held at 2^25 buckets, which counts them all but exactly.
 * Beyond that there are 2^precision registers, read by the estimator of Ertl ("New cardinality estimation algorithms
 * for HyperLogLog sketches", 2017), which needs no table of corrections and no threshold. A state, its form included,
 * follows from the set of hashes alone. So it is the same in whatever order they come.
 */
export type HyperLogLog = SparseRegisters | Uint8Array;

/** The longest run of zeros plus one, by bucket of 2^25. */
export type SparseRegisters = ReadonlyMap<number, number>;

const sparsePrecision = 25;
const hashBits = 64;
const charsOfSparse = 6;

/** The sketch of nothing. */
export const emptySketch: HyperLogLog = new Map();

/** Most entries of the sparse form: more of them would take more bytes than the registers do. */
function mostSparse(precision: number): number {
  return Math.floor(2 ** precision / charsOfSparse);
}

/** Adds a hash to a sketch, in place unless that is the empty one. @returns the sketch */
export function addHash(sketch: HyperLogLog, precision: number, high: number, low: number): HyperLogLog {
  const bucket = high >>> (32 - sparsePrecision);
  const rest = high & (2 ** (32 - sparsePrecision) - 1);
  const run = rest === 0 ? 32 - sparsePrecision + Math.clz32(low) + 1 : Math.clz32(rest) - sparsePrecision + 1;
  if (sketch instanceof Uint8Array) {
    raise(sketch, precision, bucket, run);
    return sketch;
  }
  const own = sketch === emptySketch ? new Map<number, number>() : (sketch as Map<number, number>);
  if (run > (own.get(bucket) ?? 0)) own.set(bucket, run);
  return own.size > mostSparse(precision) ? dense(own, precision) : own;
}

/** The sketch of both sets; neither is changed. */
export function mergeSketches(left: HyperLogLog, right: HyperLogLog, precision: number): HyperLogLog {
  if (left instanceof Uint8Array) return withAll(left.slice(), right, precision);
  if (right instanceof Uint8Array) return withAll(right.slice(), left, precision);
  const [more, fewer] = left.size >= right.size ? [left, right] : [right, left];
  if (fewer.size === 0) return more;
  const merged = new Map(more);
  for (const [bucket, run] of fewer) if (run > (merged.get(bucket) ?? 0)) merged.set(bucket, run);
  return merged.size > mostSparse(precision) ? dense(merged, precision) : merged;
}

/** The number of different hashes, about, with a relative standard error of 1.04 / sqrt(2^precision). */
export function estimate(sketch: HyperLogLog, precision: number): number {
  if (!(sketch instanceof Uint8Array)) return linear(sketch.size);
  const q = hashBits - precision;
  const counts = new Float64Array(q + 2);
  for (const register of sketch) counts[register] = (counts[register] ?? 0) + 1;
  const m = sketch.length;
  let z = m * tau(1 - (counts[q + 1] ?? 0) / m);
  for (let k = q; k >= 1; k--) z = 0.5 * (z + (counts[k] ?? 0));
  z += m * sigma((counts[0] ?? 0) / m);
  return (m * m) / (2 * Math.LN2 * z);
}

/** The encoded sketch. Sparse: 6 characters a bucket, sorted. Registers: one character each. */
export function encodeSketch(sketch: HyperLogLog): string {
  if (sketch instanceof Uint8Array) return Array.from(sketch, (register) => digits64[register]).join('');
  return [...sketch]
    .map(([bucket, run]) => {
      const entry = bucket * 64 + run;
      let text = '';
      for (let place = charsOfSparse - 1; place >= 0; place--) text += digits64[Math.floor(entry / 64 ** place) % 64];
      return text;
    })
    .sort(byText)
    .join('');
}

/** The reverse of {@link encodeSketch}. @throws when the text is not from it */
export function decodeSketch(json: Json, precision: number): HyperLogLog {
  if (typeof json !== 'string') throw corrupt(json);
  const values = Uint8Array.from(json, (char) => digits64.indexOf(char) & 255);
  const mostRun = hashBits - precision + 1;
  if (values.length === 2 ** precision) {
    if (!values.every((register) => register <= mostRun)) throw corrupt(json);
    return values;
  }
  const sparse = new Map<number, number>();
  for (let at = 0; at < values.length; at += charsOfSparse) {
    let bucket = 0;
    for (let i = 0; i < charsOfSparse - 1; i++) bucket = bucket * 64 + (values[at + i] ?? 255);
    const run = values[at + charsOfSparse - 1] ?? 255;
    if (bucket >= 2 ** sparsePrecision || run === 0 || run > hashBits - sparsePrecision + 1 || sparse.has(bucket))
      throw corrupt(json);
    sparse.set(bucket, run);
  }
  if (sparse.size > mostSparse(precision)) throw corrupt(json);
  return sparse.size === 0 ? emptySketch : sparse;
}

function dense(sparse: SparseRegisters, precision: number): Uint8Array {
  return withAll(new Uint8Array(2 ** precision), sparse, precision);
}

function withAll(registers: Uint8Array, other: HyperLogLog, precision: number): Uint8Array {
  if (other instanceof Uint8Array)
    for (let i = 0; i < registers.length; i++) registers[i] = Math.max(registers[i] ?? 0, other[i] ?? 0);
  else for (const [bucket, run] of other) raise(registers, precision, bucket, run);
  return registers;
}

/**
 * Raises the register of a bucket of 2^25. The bits that these buckets have beyond the registers belong to the run of
 * zeros.
 */
function raise(registers: Uint8Array, precision: number, bucket: number, run: number): void {
  const finer = sparsePrecision - precision;
  const register = bucket >>> finer;
  const below = bucket & (2 ** finer - 1);
  const whole = below === 0 ? finer + run : Math.clz32(below) - (32 - finer) + 1;
  if (whole > (registers[register] ?? 0)) registers[register] = whole;
}

/** Linear counting over 2^25 buckets. */
function linear(used: number): number {
  const buckets = 2 ** sparsePrecision;
  return -buckets * Math.log1p(-used / buckets);
}

function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let [power, y, z, before] = [x, 1, x, Number.NaN];
  while (z !== before) {
    power *= power;
    before = z;
    z += power * y;
    y += y;
  }
  return z;
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let [root, y, z, before] = [x, 1, 1 - x, Number.NaN];
  while (z !== before) {
    root = Math.sqrt(root);
    before = z;
    y *= 0.5;
    z -= (1 - root) ** 2 * y;
  }
  return z / 3;
}
