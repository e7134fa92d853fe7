import { argumentError } from '../arguments/error.ts';

/** A whole number of a definition. @throws TidemarkError when it is not one, or is beyond its bounds */
export function wholeNumber(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most)
    throw argumentError(field, value, `is out of bounds: give a whole number from ${least} to ${most}`);
  return value;
}

/** A number of a definition. @throws TidemarkError when it is not one, or is beyond its bounds */
export function numberBetween(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw argumentError(field, value, `is out of bounds: give a number from ${least} to ${most}`);
  return value;
}

/** The options of an aggregate. @throws TidemarkError when they are not an object, and for an unknown option */
export function optionsOf<Options extends object>(
  field: string,
  given: Options | undefined,
  known: readonly (keyof Options & string)[],
): Options {
  const options: unknown = given ?? {};
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw argumentError(field, given, `is not a set of options: give { ${known.join(', ')} }`);
  const unknown = Object.keys(options).find((name) => !known.some((one) => one === name));
  if (unknown !== undefined)
    throw argumentError(`${field}.${unknown}`, unknown, `is not an option: use ${known.join(', ')}`);
  return options as Options;
}
