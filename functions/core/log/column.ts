import type { Json } from '../aggregates/aggregate.ts';

/**
 * The values of one column, as short JSON. A column of few values, or of several types, is the list of them:
 * `[12,7,9]`. The others are objects:
 * - `{"all":1}`: every value is this one;
 * - `{"of":[column,...]}`: every value is a list of one length; a column for each place in it;
 * - `{"from":1469501107000,"plus":[0,371,12]}`: whole numbers, by their distance from the least;
 * - `{"same":"0665","rest":",user-10,1,23,9"}`: texts. Each has its first characters from the text before it: as many
 *   as its character in `same` says ({@link digits}). What follows is in `rest`, behind the separator that `rest`
 *   begins with. Sorted names shrink to their last digits.
 */
export type Column = Json;

/** Columns of fewer values are lists, so that small items can be read in the console. */
const fewValues = 24;

/** The digits of numbers from 0 to 63. */
const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_';

/** In the order in which they are tried. The first one is that of JSON's lists, which compresses best. */
const separators = [',', ';', '|', ' ', '~', '^', '/', '\n', '\t'];

/** Writes a column. The same values always give the same JSON. */
export function packColumn(values: readonly Json[]): Column {
  const [first] = values;
  if (first === undefined || values.length < fewValues) return values;
  if (isList(first)) return packLists(values, first.length);
  if (typeof first === 'object' && first !== null) return values;
  if (values.every((value) => value === first)) return { all: first };
  if (typeof first === 'number') return packNumbers(values);
  return typeof first === 'string' ? packTexts(values) : values;
}

/**
 * The reverse of {@link packColumn}.
 * @param length the number of values
 * @throws when it is not a column of so many values
 */
export function unpackColumn(column: Column, length: number): readonly Json[] {
  const values = isList(column) ? column : unpacked(column, length);
  if (values?.length !== length)
    throw new Error(`not a column of ${length} values: ${(JSON.stringify(column) ?? typeof column).slice(0, 80)}`);
  return values;
}

function unpacked(column: Column, length: number): readonly Json[] | undefined {
  if (typeof column !== 'object' || column === null || isList(column)) return undefined;
  const { all, of, from, plus, same, rest } = column;
  if (all !== undefined) return new Array<Json>(length).fill(all);
  if (isList(of)) {
    const places = of.map((place) => unpackColumn(place, length));
    return Array.from({ length }, (_, row) => places.map((values) => values[row] ?? null));
  }
  if (typeof from === 'number' && isList(plus)) return plus.map((value) => from + Number(value));
  return typeof same === 'string' && typeof rest === 'string' ? unpackTexts(same, rest) : undefined;
}

function packLists(values: readonly Json[], length: number): Column {
  const lists: (readonly Json[])[] = [];
  for (const value of values) {
    if (!isList(value) || value.length !== length || length === 0) return values;
    lists.push(value);
  }
  return { of: Array.from({ length }, (_, place) => packColumn(lists.map((list) => list[place] ?? null))) };
}

function packNumbers(values: readonly Json[]): Column {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return values;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  // Only where it saves digits, as of times: small numbers are easier to read as they are.
  const distance = greatest - least;
  if (least <= 0 || distance * 100 > greatest) return values;
  return { from: least, plus: values.map((value) => Number(value) - least) };
}

function packTexts(values: readonly Json[]): Column {
  let same = '';
  let before = '';
  const rests: string[] = [];
  for (const value of values) {
    if (typeof value !== 'string') return values;
    const shared = sharedLength(before, value);
    same += digits[shared];
    rests.push(value.slice(shared));
    before = value;
  }
  const separator = separators.find((one) => !rests.some((rest) => rest.includes(one)));
  return separator === undefined ? values : { same, rest: separator + rests.join(separator) };
}

function unpackTexts(same: string, rest: string): readonly string[] | undefined {
  const rests = rest.slice(1).split(rest.slice(0, 1));
  if (rests.length !== same.length) return undefined;
  const values: string[] = [];
  let before = '';
  for (const [i, end] of rests.entries()) {
    const shared = digits.indexOf(same.charAt(i));
    if (shared < 0) return undefined;
    before = before.slice(0, shared) + end;
    values.push(before);
  }
  return values;
}

/** The number of first characters that two texts share, at most 63. It never parts a surrogate pair. */
function sharedLength(left: string, right: string): number {
  const most = Math.min(left.length, right.length, digits.length - 1);
  let shared = 0;
  while (shared < most && left.charCodeAt(shared) === right.charCodeAt(shared)) shared++;
  const next = right.charCodeAt(shared);
  return shared > 0 && next >= 0xdc00 && next <= 0xdfff ? shared - 1 : shared;
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}
