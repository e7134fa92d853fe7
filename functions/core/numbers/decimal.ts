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
