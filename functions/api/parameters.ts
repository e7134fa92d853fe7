import type { Context } from 'hono';
import { longestDurationMs } from '../core/arguments/duration.ts';
import { TidemarkError, valueText } from '../core/arguments/error.ts';
import type { Pipeline, Query } from '../core/definition/pipeline.ts';
import { parseEvent } from '../core/events/event-json.ts';
import { eventTimeBounds, isoTime, parseIsoTime } from '../core/events/event-time.ts';
import { totalsFields } from '../core/fold/totals.ts';
import { namedVersion } from '../state/operations/alias.ts';
import type { Table } from '../state/table/table.ts';
import { type FormulaForm, formulaForms } from './csv.ts';
import { Problem } from './problem.ts';
import type { JsonSchema } from './schemas.ts';

/** A parameter of a request. Its text in the API's description and its reading use the same bounds. */
export interface Parameter<Value> {
  readonly description: string;
  readonly schema: JsonSchema;
  /** @throws Problem that names the parameter, what was received, and what to do */
  parse(text: string | undefined, name: string): Value;
}

/** The parameters of a route, by name. */
export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

/** The values that a route's parameters are read to. */
export type ValuesOf<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends Parameter<infer Value> ? Value : never;
};

/** The problem of a parameter: its name, what was received, and what to do. */
export function refused(name: string, value: unknown, remedy: string): Problem {
  return new Problem(400, 'invalid-parameter', name, `${name}: ${valueText(value)} ${remedy}`);
}

/**
 * The parameters of a request. Each has to be known and given once. A misspelt one that was silently ignored would give
 * an answer to another question.
 * @throws Problem that names the parameter
 */
export function readParameters<P extends Parameters>({ req }: Context, parameters: P): ValuesOf<P> {
  const path = req.param() as Readonly<Record<string, string>>;
  const known = Object.keys(parameters).filter((name) => !Object.hasOwn(path, name));
  // URLSearchParams reads them: Hono collects parameters in an object, where `__proto__` gets lost.
  const given = new URL(req.url).searchParams;
  for (const [name, value] of given) {
    if (!known.includes(name))
      throw refused(
        shownName(name),
        value,
        known.length === 0
          ? 'is for no parameter: there is none here'
          : `is for no parameter that is known here: use ${known.join(', ')}`,
      );
    const values = given.getAll(name);
    if (values.length > 1) throw refused(name, values, 'is given more than once: give one');
  }
  const values = Object.entries(parameters).map(([name, parameter]) => [
    name,
    parameter.parse(Object.hasOwn(path, name) ? path[name] : (given.get(name) ?? undefined), name),
  ]);
  return Object.fromEntries(values);
}

/** A parameter's name, which may be any text, short enough to be repeated. */
function shownName(name: string): string {
  return name.length > 40 ? `${name.slice(0, 37)}...` : name;
}

/**
 * The bounds of the starts of windows: a window that holds the earliest event time starts up to its length before it.
 */
const startBounds = {
  earliest: eventTimeBounds.earliest - longestDurationMs,
  latest: eventTimeBounds.latest + longestDurationMs,
} as const;

/** A moment: ISO 8601 with a zone, or epoch milliseconds; undefined when it is not given. */
export function timeParameter(description: string): Parameter<number | undefined> {
  return {
    description: `${description} ISO 8601 with a zone, or epoch milliseconds.`,
    schema: {
      oneOf: [
        { type: 'string', format: 'date-time' },
        { type: 'integer', minimum: startBounds.earliest, maximum: startBounds.latest },
      ],
    },
    parse(text, name) {
      if (text === undefined) return undefined;
      const ms = /^-?\d{1,16}$/.test(text) ? Number(text) : parseIsoTime(text);
      if (ms === undefined || ms < startBounds.earliest || ms > startBounds.latest)
        throw refused(
          name,
          text,
          'is not a time: write ISO 8601 with a zone (2016-07-26T02:00:00Z) or epoch milliseconds',
        );
      return ms + 0; // turns -0 into 0
    },
  };
}

/** `from` (inclusive) and `to` (exclusive). @default all of time */
export function rangeOf({
  from = startBounds.earliest,
  to = startBounds.latest,
}: {
  readonly from: number | undefined;
  readonly to: number | undefined;
}): {
  readonly from: number;
  readonly to: number;
} {
  if (from > to) throw refused('to', to, `is before from: give a time after ${isoTime(from)}`);
  return { from, to };
}

/** One of a few words. @default the first of them */
export function wordParameter<const Word extends string>(
  description: string,
  words: readonly [Word, ...Word[]],
): Parameter<Word> {
  return {
    description,
    schema: { type: 'string', enum: words, default: words[0] },
    parse(text, name) {
      if (text === undefined) return words[0];
      const known = words.find((candidate) => candidate === text);
      if (known === undefined) throw refused(name, text, `is unknown: use ${words.join(', ')}`);
      return known;
    },
  };
}

/** One of a few words, or none. */
export function wordOrNone<const Word extends string>(
  description: string,
  words: readonly [Word, ...Word[]],
): Parameter<Word | undefined> {
  const { default: _default, ...schema } = wordParameter(description, words).schema;
  return {
    description,
    schema,
    parse: (text, name) => (text === undefined ? undefined : wordParameter(description, words).parse(text, name)),
  };
}

/** A whole number from 1 to a bound. */
export function countParameter(
  description: string,
  { most, usual }: { readonly most: number; readonly usual: number },
): Parameter<number> {
  return {
    description,
    schema: { type: 'integer', minimum: 1, maximum: most, default: usual },
    parse(text, name) {
      if (text === undefined) return usual;
      const number = Number(text);
      if (!/^\d+$/.test(text) || number < 1 || number > most)
        throw refused(name, text, `is not a count: give a whole number from 1 to ${most}`);
      return number;
    },
  };
}

/** Text that is not checked. */
export function textParameter(description: string): Parameter<string | undefined> {
  return { description, schema: { type: 'string' }, parse: (text) => text };
}

/** The name of a query in the path. */
export const queryName: Parameter<string> = {
  description: 'A query of the pipeline: `actionsPerHour`, or one version of it, `actionsPerHour@2`.',
  schema: { type: 'string' },
  parse: (text) => text ?? '',
};

/** `key`, a JSON object with some of the group-by fields, `{"action":"Open"}`. Rows have to agree with all of them. */
export const keyObject: Parameter<Readonly<Record<string, unknown>> | undefined> = {
  description: 'Only rows with these group-by values: a JSON object such as `{"action":"Open"}`.',
  schema: { type: 'string', contentMediaType: 'application/json', pattern: '^\\s*\\{' },
  parse(text, name) {
    if (text === undefined) return undefined;
    let key: unknown;
    try {
      key = parseEvent(text);
    } catch {
      key = undefined;
    }
    if (typeof key !== 'object' || key === null || Array.isArray(key))
      throw refused(name, text, 'is not a key: write a JSON object such as {"action":"Open"}');
    for (const [field, value] of Object.entries(key)) {
      if (typeof value === 'object' && value !== null)
        throw refused(
          name,
          value,
          `is not a value of ${shownName(field)}, and no row can have it: give text, a number, a boolean or null`,
        );
    }
    return key as Readonly<Record<string, unknown>>;
  },
};

/** A key of a query. @throws Problem when it names a field that the query does not group by */
export function keyOf(query: Query, key: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  for (const name of Object.keys(key)) {
    if (!query.groupBy.includes(name))
      throw refused(
        'key',
        name,
        `is not a group-by field of ${query.name}: use ${query.groupBy.join(', ') || 'no key, it has none'}`,
      );
  }
  return key;
}

/**
 * `by`, group-by fields of the query, separated by commas. Undefined: all of them; empty: none, for the grand total.
 */
export function fieldsOf(query: Query, by: string | undefined): readonly string[] {
  try {
    return totalsFields('by', by ?? query.groupBy.join(','), [query]);
  } catch (error) {
    if (error instanceof TidemarkError) throw new Problem(400, 'invalid-parameter', 'by', error.message);
    throw error;
  }
}

/** The query that a path names. */
export async function namedQuery(pipeline: Pipeline, state: Table, name: string): Promise<Query> {
  const query = await namedVersion(pipeline, state, name);
  if (query !== undefined) return query;
  const known = pipeline.queries.map((other) => other.name).join(', ');
  throw new Problem(
    404,
    'unknown-query',
    'query',
    `query: ${valueText(name)} is not a query of pipeline ${pipeline.name}: use ${known}`,
  );
}

/** How an answer in CSV writes text that a spreadsheet would take for a formula. */
export const formulas: Parameter<FormulaForm> = wordParameter(
  'Of an answer in CSV: `defused` writes an apostrophe before text that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a line end), `raw` writes it as it is. Numbers are never changed.',
  formulaForms,
);
