import { decimalText, parseDecimal } from '../numbers/decimal.ts';

/** A number of at most so many significant digits comes back from a double as it was written. */
const safeDigits = 15;

/** Most digits that `toPrecision` gives. */
const mostPrecision = 100;

/**
 * What a number, written as JSON writes one, is in an event, whatever form the event came in: a number where a double
 * keeps what was written, else text that does, `"9007199254740993"`, which `sum` takes exactly. A whole number in
 * digits is a number up to 2^53 - 1. With a point or an exponent it is one when the double, rounded to as many digits
 * as were written, is what was written, so 1.10, 1e2 and 0.10000000000000001 are. What is beyond all doubles is
 * infinite, and rejected where somebody reads it; what is nearer to zero than any is zero.
 */
export function exactNumber(text: string): number | string {
  const double = Number(text);
  if (text.length <= safeDigits || !Number.isFinite(double) || double === 0) return double;
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(double) ? double : shortest(text);
  return String(double) === text || isPrinted(double, significant(text)) ? double : shortest(text);
}

/** Whether some way of printing the double, with few digits or with many, gives these. */
function isPrinted(double: number, digits: string): boolean {
  if (digits.length <= safeDigits) return true;
  return digits.length <= mostPrecision && significant(double.toPrecision(digits.length)) === digits;
}

/** The digits without sign, point, exponent and the zeros around them. */
function significant(text: string): string {
  return text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
}

/** One text for equal numbers, unless it would have hundreds of digits. */
function shortest(text: string): string {
  const decimal = parseDecimal(text);
  return decimal === undefined ? text : decimalText(decimal);
}

/** Whether a value is such a text. */
export function isLongNumber(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > safeDigits &&
    /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) &&
    typeof exactNumber(value) === 'string'
  );
}

/**
 * Whether a number may stand for several of those that were written: a whole one beyond 2^53 that is shown in digits,
 * made by a schema that converts, or read by somebody else's parser. It tells neither users nor keys apart. Greater
 * ones are shown with an exponent, and nobody takes them for exact.
 */
export function isAmbiguous(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
}

/** Why such a number is refused. */
export function ambiguity(value: number): string {
  return `${value} is beyond 2^53, where one double stands for several numbers: let the schema give text`;
}
