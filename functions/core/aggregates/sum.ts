import { reading } from '../arguments/field-given-by.ts';
import {
  addDecimals,
  type Decimal,
  decimalResult,
  decimalText,
  mostDecimalDigits,
  parseDecimal,
  wholeDecimal,
  zeroDecimal,
} from '../numbers/decimal.ts';
import {
  addNumber,
  addSums,
  decodeSum,
  type ExactSum,
  encodeSum,
  fractionOf,
  quotient,
  ratio,
  toNumber,
  zero,
} from '../numbers/exact-sum.ts';
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
 * A total, exact whatever was added: nothing is rounded before the result is read. Most totals have only the first two
 * members.
 */
interface Total {
  /** The sum of the doubles, and of the other numbers that are safe integers. */
  readonly sum: ExactSum;
  readonly count: number;
  /** Whether it includes a double that is not a safe integer. The result is a double then, rounded once. */
  readonly isFloat?: true;
  /** The sum of the other numbers: those in text and the bigints. Never zero. */
  readonly decimals?: Decimal;
}

function amountInput(kind: string, value: unknown): AggregateInput<number | Decimal> {
  if (typeof value !== 'string' && typeof value !== 'bigint') return numberInput(kind, value);
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

/** The one form of a total. */
function totalOf(sum: ExactSum, count: number, isFloat: boolean, decimals: Decimal): Total {
  const total = isFloat ? ({ sum, count, isFloat } as const) : { sum, count };
  return decimals.unscaled === 0n ? total : { ...total, decimals };
}

const totals = {
  identity: { sum: zero, count: 0 } as Total,
  add: ({ sum, count, isFloat, decimals = zeroDecimal }: Total, value: number | Decimal): Total =>
    typeof value === 'number'
      ? totalOf(addNumber(sum, value), count + 1, isFloat === true || !Number.isSafeInteger(value), decimals)
      : totalOf(sum, count + 1, isFloat === true, addDecimals(decimals, value)),
  merge: (left: Total, right: Total): Total =>
    totalOf(
      addSums(left.sum, right.sum),
      left.count + right.count,
      left.isFloat === true || right.isFloat === true,
      left.decimals === undefined
        ? (right.decimals ?? zeroDecimal)
        : addDecimals(left.decimals, right.decimals ?? zeroDecimal),
    ),
  /** `[sum, count]`, then the rest that does not follow from them: 1 for a double among the terms, and the decimals. */
  encode: ({ sum, count, isFloat, decimals }: Total): Json => {
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
    return totalOf(sum, countIn(countJson), flag === 1 || isFraction(sum), decimals);
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

function sumOf({ sum, count, isFloat, decimals }: Total): number | string | null {
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

function meanOf({ sum, count, decimals }: Total): number | string | null {
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
    return opaque<Event, number | Decimal, Total, number | string | null>({
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
