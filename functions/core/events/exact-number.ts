import { decimalText, parseDecimal } from '../numbers/decimal.ts';

/** Most significant digits with which any number comes back from a double as it was written. */
const safeDigits = 15;

/** Most digits that `toPrecision` gives. */
const mostPrecision = 100;

/**
 * The value in an event of a number that is written as in JSON, whatever form the event came in. It is a number where a
 * double keeps what was written, else text that does, `"9007199254740993"`; `sum` takes such text exactly. A whole
 * number in digits is a number up to 2^53 - 1. One with a point or an exponent is a number when the double, rounded to
 * as many digits as were written, is what was written: so 1.10, 1e2 and 0.10000000000000001 are. A number beyond all
 * doubles is infinite, and rejected where somebody reads it. A number nearer to zero than any double is zero.
 */
export function exactNumber(text: string): number | string {
  const double = Number(text);
  if (text.length <= safeDigits || !Number.isFinite(double) || double === 0) return double;
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(double) ? double : shortest(text);
  return String(double) === text || isPrinted(double, significant(text)) ? double : shortest(text);
}

/** Whether some way of printing the double, with few digits or with many, gives these digits. */
function isPrinted(double: number, digits: string): boolean {
  if (digits.length <= safeDigits) return true;
  return digits.length <= mostPrecision && significant(double.toPrecision(digits.length)) === digits;
}

/** The digits, without sign, point, exponent and the zeros around them. */
function significant(text: string): string {
  return text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
}

/** The same text for equal numbers, unless it would have hundreds of digits. */
function shortest(text: string): string {
  const decimal = parseDecimal(text);
  return decimal === undefined ? text : decimalText(decimal);
}

/** Whether a value is text that {@link exactNumber} gives for a number. */
export function isLongNumber(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > safeDigits &&
    /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) &&
    typeof exactNumber(value) === 'string'
  );
}

/**
 * Whether a number may stand for several written ones: a whole one beyond 2^53 that is shown in digits. A schema that
 * converts makes such numbers, and so does another parser. They tell neither users nor keys apart. Greater ones are
 * shown with an exponent, and nobody takes them for exact.
 */
export function isAmbiguous(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
}

/** The reason why an ambiguous number is refused. */
export function ambiguity(value: number): string {
  return `${value} is beyond 2^53, where one double stands for several numbers: let the schema give text`;
}
