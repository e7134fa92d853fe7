/**
 * An exact decimal number: `unscaled / 10^scale`, the scale at least 0. Equal ones may differ in scale, because finding
 * the least one costs. Their texts do not differ.
 */
export interface Decimal {
  readonly unscaled: bigint;
  readonly scale: number;
}

/** The sum of nothing. */
export const zeroDecimal: Decimal = { unscaled: 0n, scale: 0 };

/** Most digits of a decimal before its point, and behind it. */
export const mostDecimalDigits = 100;

const longestText = 2 * mostDecimalDigits + 10;

/** Reads `-12.50` or `1.25e3` exactly. Undefined for everything else, white space and too many digits included. */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > longestText) return undefined;
  const [, sign, whole, fraction = '', exponentText = '0'] =
    /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const exponent = Number(exponentText) - fraction.length;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return zeroDecimal;
  if (digits.length + exponent > mostDecimalDigits || -exponent > mostDecimalDigits) return undefined;
  const unscaled = BigInt(digits) * (sign === '-' ? -1n : 1n);
  return exponent >= 0 ? { unscaled: unscaled * 10n ** BigInt(exponent), scale: 0 } : { unscaled, scale: -exponent };
}

/** A decimal whose unscaled digits a double holds: a safe integer. It takes no big integers to read and add. */
export interface ShortDecimal {
  readonly units: number;
  readonly scale: number;
}

/** Most digits that are surely a safe integer. */
const shortDigits = 15;

/**
 * Reads a short plain decimal, `-12.50`, as {@link parseDecimal} would. Undefined for every other text, also for one
 * that is a number all the same: with an exponent, or with more than 15 digits.
 */
export function parseShortDecimal(text: string): ShortDecimal | undefined {
  const { length } = text;
  const first = text.charCodeAt(0);
  const isNegative = first === MINUS;
  const from = isNegative || first === PLUS ? 1 : 0;
  // A point beside the digits.
  if (length === from || length - from > shortDigits + 1) return undefined;
  let units = 0;
  let point = -1;
  for (let at = from; at < length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit >= 0 && digit <= 9) units = units * 10 + digit;
    else if (digit === POINT - ZERO && point < 0 && at > from && at < length - 1) point = at;
    else return undefined;
  }
  if (point < 0 && length - from > shortDigits) return undefined;
  if (units === 0) return zeroShort;
  return { units: isNegative ? -units : units, scale: point < 0 ? 0 : length - 1 - point };
}

const zeroShort: ShortDecimal = { units: 0, scale: 0 };

const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;

/** Powers of ten that are doubles, and whole. */
const powersOfTen = Array.from({ length: 23 }, (_, i) => Number(10n ** BigInt(i)));

/**
 * An exact sum of decimals while it is added up, immutable: `units / 10^scale + rest`. Most terms are short, and cost an
 * addition of doubles. Many forms stand for one value: compare and store {@link settledDecimal} only.
 */
export interface RunningDecimal extends ShortDecimal {
  readonly rest: Decimal;
}

/** The sum of nothing. */
export const zeroRunningDecimal: RunningDecimal = { units: 0, scale: 0, rest: zeroDecimal };

/** The sum with a short decimal more. */
export function addShort(sum: RunningDecimal, term: ShortDecimal): RunningDecimal {
  const scale = Math.max(sum.scale, term.scale);
  // Rounding does not cross the bound of the safe integers, within which nothing is rounded.
  const units = unitsAt(sum, scale) + unitsAt(term, scale);
  if (Number.isSafeInteger(units)) return { units, scale, rest: sum.rest };
  return { units: term.units, scale: term.scale, rest: settledDecimal(sum) };
}

/** The sum with any decimal more. */
export function addLong({ units, scale, rest }: RunningDecimal, term: Decimal): RunningDecimal {
  return { units, scale, rest: addDecimals(rest, term) };
}

/** The sum as one decimal. */
export function settledDecimal({ units, scale, rest }: RunningDecimal): Decimal {
  return units === 0 ? rest : addDecimals(rest, { unscaled: BigInt(units), scale });
}

/** A short decimal's digits at a scale that is not below its own; NaN when a double may not hold them. */
function unitsAt({ units, scale }: ShortDecimal, to: number): number {
  if (to === scale) return units;
  const scaled = units * (powersOfTen[to - scale] ?? Number.NaN);
  return Number.isSafeInteger(scaled) ? scaled : Number.NaN;
}

/** A whole number as a decimal. */
export function wholeDecimal(value: bigint): Decimal {
  return { unscaled: value, scale: 0 };
}

/** The exact sum. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  if (left.scale === right.scale) return { unscaled: left.unscaled + right.unscaled, scale: left.scale };
  const scale = Math.max(left.scale, right.scale);
  return { unscaled: scaledTo(left, scale) + scaledTo(right, scale), scale };
}

/** The shortest text of it: `-12.5`, never with an exponent. */
export function decimalText(decimal: Decimal): string {
  const { unscaled, scale } = shortest(decimal);
  const minus = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return scale === 0 ? `${minus}${digits}` : `${minus}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** A number when a double prints as exactly this decimal, its text otherwise. No digit is lost either way. */
export function decimalResult(decimal: Decimal): number | string {
  const text = decimalText(decimal);
  const double = Number(text);
  const printed = Number.isFinite(double) ? parseDecimal(String(double)) : undefined;
  const isHeld = printed !== undefined && decimalText(printed) === text;
  // A safe integer is itself. Beyond, a double stands for its neighbours too, although it prints as one of them.
  return isHeld && (text.includes('.') || Number.isSafeInteger(double)) ? double : text;
}

function scaledTo({ unscaled, scale }: Decimal, to: number): bigint {
  return unscaled * 10n ** BigInt(to - scale);
}

function shortest({ unscaled, scale }: Decimal): Decimal {
  if (unscaled === 0n) return zeroDecimal;
  let [rest, places] = [unscaled, scale];
  while (places > 0 && rest % 10n === 0n) {
    rest /= 10n;
    places--;
  }
  return { unscaled: rest, scale: places };
}
