import { reading } from '../arguments/field-given-by.ts';
import {
  addDecimals,
  addLong,
  addShort,
  type Decimal,
  decimalResult,
  decimalText,
  mostDecimalDigits,
  parseDecimal,
  parseShortDecimal,
  type RunningDecimal,
  type ShortDecimal,
  settledDecimal,
  wholeDecimal,
  zeroDecimal,
  zeroRunningDecimal,
} from '../numbers/decimal.ts';
import { decodeSum, type ExactSum, encodeSum, fractionOf, quotient, ratio, toNumber } from '../numbers/exact-sum.ts';
import { addRunning, addTerm, type RunningSum, settledAt, settledSum } from '../numbers/running-sum.ts';
import {
  type AggregateInput,
  type AggregateOf,
  type AnyAggregate,
  corrupt,
  countIn,
  type Json,
  listIn,
  opaque,
} from './aggregate.ts';
import { type Field, numberInput, selector } from './number-input.ts';

/**
 * A term of a sum: a number, a whole number beyond 2^53 as a bigint, or a whole or decimal number in text, `"12.50"`.
 */
export type Amount = number | bigint | string;

/**
 * A function of the event that gives the term of a sum, as {@link NumberOf}. Text that is not a number rejects the
 * event.
 */
export type AmountOf<Event> = (event: Event) => Amount | null | undefined;

/** `sum` and `avg`, as they are called. */
export interface AmountAggregate {
  <const Name extends string>(field: Name): AnyAggregate<Field<Name, Amount>, number | string | null>;
  <Event>(select: AmountOf<Event>): AggregateOf<Event, number | string | null>;
}

/**
 * A total, exact whatever was added: nothing is rounded before the result is read. Its parts can be cut in several
 * ways, so what is compared or stored is its {@link SettledTotal}. Most totals have only the first two members.
 */
interface Total {
  /** The sum of the doubles, and of the other numbers that are safe integers; a number as long as all of it is one. */
  readonly sum: number | RunningSum;
  readonly count: number;
  /** Whether it includes a double that is not a safe integer. */
  readonly isFloat?: true;
  /** The sum of the other numbers: those in text and the bigints. */
  readonly decimals?: RunningDecimal;
}

/** A total in its only form. Most have only the first two members. */
interface SettledTotal {
  /** The sum of the doubles, and of the other numbers that are safe integers. */
  readonly sum: ExactSum;
  readonly count: number;
  /** Whether it includes a double that is not a safe integer. The result is a double then, rounded once. */
  readonly isFloat: boolean;
  /** The sum of the other numbers: those in text and the bigints. Never zero. */
  readonly decimals: Decimal | undefined;
}

/** A term of a total. */
type Term = number | ShortDecimal | Decimal;

function amountInput(kind: string, value: unknown): AggregateInput<Term> {
  if (typeof value !== 'string' && typeof value !== 'bigint') return numberInput(kind, value);
  if (typeof value === 'string') {
    const short = parseShortDecimal(value);
    if (short !== undefined) return { kind: 'value', value: short.scale === 0 ? short.units : short };
  }
  const decimal = typeof value === 'string' ? parseDecimal(value) : bounded(value);
  if (decimal === undefined)
    return {
      kind: 'refused',
      reason: `${kind} of ${typeof value} that is not a decimal number of at most ${mostDecimalDigits} digits on either side`,
    };
  const number = decimal.scale === 0 ? Number(decimal.unscaled) : Number.NaN;
  return { kind: 'value', value: Number.isSafeInteger(number) ? number : decimal };
}

const mostBigint = 10n ** BigInt(mostDecimalDigits);

function bounded(value: bigint): Decimal | undefined {
  return value < mostBigint && value > -mostBigint ? wholeDecimal(value) : undefined;
}

/** A total of its parts, without those that it has nothing of. */
function totalOf(sum: Total['sum'], count: number, isFloat: boolean, decimals: RunningDecimal | undefined): Total {
  if (decimals === undefined) return isFloat ? { sum, count, isFloat } : { sum, count };
  return isFloat ? { sum, count, isFloat, decimals } : { sum, count, decimals };
}

function addTo(total: Total, term: Term): Total {
  const { sum, count, decimals } = total;
  const isFloat = total.isFloat === true;
  if (typeof term === 'number')
    return totalOf(addDouble(sum, term), count + 1, isFloat || !Number.isSafeInteger(term), decimals);
  const before = decimals ?? zeroRunningDecimal;
  return totalOf(sum, count + 1, isFloat, 'units' in term ? addShort(before, term) : addLong(before, term));
}

function addDouble(sum: Total['sum'], term: number): Total['sum'] {
  if (typeof sum !== 'number') return addTerm(sum, term);
  const result = sum + term;
  // Both are integers: a rounded result within the safe range was not rounded at all.
  if (Number.isInteger(term) && Number.isSafeInteger(result)) return result;
  return addTerm(settledAt(sum), term);
}

function merged(left: Total, right: Total): Total {
  const { sum } = right;
  return totalOf(
    typeof sum === 'number'
      ? addDouble(left.sum, sum)
      : addRunning(typeof left.sum === 'number' ? settledAt(left.sum) : left.sum, sum),
    left.count + right.count,
    left.isFloat === true || right.isFloat === true,
    right.decimals === undefined || left.decimals === undefined
      ? (left.decimals ?? right.decimals)
      : addLong(addShort(left.decimals, right.decimals), right.decimals.rest),
  );
}

function settledTotal({ sum, count, isFloat, decimals }: Total): SettledTotal {
  const settled = decimals === undefined ? zeroDecimal : settledDecimal(decimals);
  return {
    sum: typeof sum === 'number' ? sum : settledSum(sum),
    count,
    isFloat: isFloat === true,
    decimals: settled.unscaled === 0n ? undefined : settled,
  };
}

const totals = {
  identity: { sum: 0, count: 0 } as Total,
  add: addTo,
  merge: merged,
  /** `[sum, count]`, then the rest that does not follow from them: 1 for a double among the terms, and the decimals. */
  encode: (total: Total): Json => {
    const { sum, count, isFloat, decimals } = settledTotal(total);
    const flag = isFloat && !isFraction(sum) ? 1 : 0;
    if (decimals !== undefined) return [encodeSum(sum), count, flag, decimalText(decimals)];
    return flag === 1 ? [encodeSum(sum), count, flag] : [encodeSum(sum), count];
  },
  decode: (json: Json): Total => {
    const members = listIn(json);
    const [sumJson, countJson, flag = 0, text] = members;
    const sum = decodeSum(sumJson);
    const decimals = text === undefined ? zeroDecimal : typeof text === 'string' ? decodedDecimal(text) : undefined;
    if (decimals === undefined || (flag !== 0 && flag !== 1) || members.length > 4) throw corrupt(json);
    return totalOf(
      typeof sum === 'number' ? sum : settledAt(sum),
      countIn(countJson),
      flag === 1 || isFraction(sum),
      decimals.unscaled === 0n ? undefined : addLong(zeroRunningDecimal, decimals),
    );
  },
};

/** Sums of more than one text may have more digits than a text. */
function decodedDecimal(text: string): Decimal | undefined {
  const [, minus, whole, fraction = ''] = /^(-?)(\d{1,140})(?:\.(\d{1,100}))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const decimal = { unscaled: BigInt(`${minus}${whole}${fraction}`), scale: fraction.length };
  return decimalText(decimal) === text ? decimal : undefined;
}

/** Whether a sum has a fraction. It then has a double among its terms, so that need not be written down. */
function isFraction(sum: ExactSum): boolean {
  return typeof sum !== 'number' && sum.exponent < 0;
}

/**
 * A number as results show it. A sum of doubles can be too great for a double. JSON would make null of it, as if there
 * were nothing to add, so it is text.
 */
export function shownNumber(value: number): number | 'Infinity' | '-Infinity' {
  if (Number.isFinite(value)) return value;
  return value > 0 ? 'Infinity' : '-Infinity';
}

function sumOf(total: Total): number | string | null {
  const { sum, count, isFloat, decimals } = settledTotal(total);
  if (count === 0) return null;
  if (!isFloat) return typeof sum === 'number' && decimals === undefined ? sum : decimalResult(wholeAnd(sum, decimals));
  if (decimals === undefined) return shownNumber(toNumber(sum));
  const { numerator, denominator } = together(sum, decimals);
  return shownNumber(ratio(numerator, denominator));
}

/** The exact sum of whole numbers and decimals. */
function wholeAnd(sum: ExactSum, decimals: Decimal = zeroDecimal): Decimal {
  return addDecimals(wholeDecimal(fractionOf(sum).numerator), decimals);
}

function meanOf(total: Total): number | string | null {
  const { sum, count, decimals } = settledTotal(total);
  if (count === 0) return null;
  if (decimals === undefined) return quotient(sum, count);
  const { numerator, denominator } = together(sum, decimals);
  return shownNumber(ratio(numerator, denominator * BigInt(count)));
}

function together(
  sum: ExactSum,
  { unscaled, scale }: Decimal,
): { readonly numerator: bigint; readonly denominator: bigint } {
  const { numerator, denominator } = fractionOf(sum);
  const power = 10n ** BigInt(scale);
  return { numerator: numerator * power + unscaled * denominator, denominator: denominator * power };
}

function amountAggregate(kind: string, result: (state: Total) => number | string | null): AmountAggregate {
  return <Event>(of: string | AmountOf<Event>) => {
    const { select, named, reads } = selector(kind, of);
    return opaque<Event, Term, Total, number | string | null>({
      ...totals,
      ...named,
      kind,
      result,
      input: reading((event: Event) => amountInput(kind, select(event)), [reads]),
    });
  };
}

/**
 * The sum, exact whatever the order. For whole numbers, bigints and decimals in text no digit is lost: the result is a
 * number where a double holds it, and text where none does. With a double that is not a safe integer among the terms,
 * the result is the double nearest to the exact sum, rounded once. Null when no record had a number.
 * @example
 * sum('amount'); // of the texts "0.10" and "0.20": 0.3
 * sum((order: { price: number; pieces: number }) => order.price * order.pieces);
 */
export const sum: AmountAggregate = amountAggregate('sum', sumOf);

/**
 * The arithmetic mean: the exact sum divided by the count, rounded once to a double. Null when no record had a number.
 * @example
 * avg('amount');
 */
export const avg: AmountAggregate = amountAggregate('avg', meanOf);
