import type { Context } from 'hono';
import { longestDurationMs } from '../core/duration.ts';
import { shown, TidemarkError } from '../core/error.ts';
import { eventTimeBounds, isoTime, parseIsoTime } from '../core/event-time.ts';
import type { Pipeline, Query } from '../core/pipeline.ts';
import { totalsFields } from '../core/totals.ts';
import { namedVersion } from '../state/alias.ts';
import type { Table } from '../state/table.ts';
import { Problem } from './problem.ts';

/** A request's parameters by name; undefined where it has none. */
export type Parameter = (name: string) => string | undefined;

/** Most windows in one answer, and how many unless told: an answer of Lambda ends at 6 MB. */
export const windowLimits = { most: 1000, usual: 100 } as const;

/** The problem of a parameter: its name, what was received, and what to do. */
export function refused(name: string, value: unknown, remedy: string): Problem {
  return new Problem(400, 'invalid-parameter', name, `${name}: ${shown(value)} ${remedy}`);
}

/**
 * The parameters of a request, all of which have to be known and there once: one that is misspelt, and then left out of account in silence, would
 * give an answer to another question.
 * @throws Problem that names the parameter
 */
export function parametersOf({ req }: Context, known: readonly string[]): Parameter {
  // By URLSearchParams: Hono collects parameters in an object, where `__proto__` gets lost.
  const given = new URL(req.url).searchParams;
  for (const [name, value] of given) {
    if (!known.includes(name)) throw refused(shownName(name), value, `is for no parameter that is known here: use ${known.join(', ')}`);
    const values = given.getAll(name);
    if (values.length > 1) throw refused(name, values, 'is given more than once: give one');
  }
  return (name) => given.get(name) ?? undefined;
}

/** A parameter's name, which may be anything, short enough to be repeated. */
function shownName(name: string): string {
  return name.length > 40 ? `${name.slice(0, 37)}...` : name;
}

/** Where windows can start: one that holds the earliest event time starts as much as its length before it. */
const startBounds = { earliest: eventTimeBounds.earliest - longestDurationMs, latest: eventTimeBounds.latest + longestDurationMs } as const;

/** A moment: ISO 8601 with a zone, or epoch milliseconds. */
export function timeParameter(parameter: Parameter, name: string, otherwise: number): number {
  const text = parameter(name);
  if (text === undefined) return otherwise;
  const ms = /^-?\d{1,16}$/.test(text) ? Number(text) : parseIsoTime(text);
  if (ms === undefined || ms < startBounds.earliest || ms > startBounds.latest)
    throw refused(name, text, 'is no time: write ISO 8601 with a zone (2016-07-26T02:00:00Z) or epoch milliseconds');
  return ms + 0; // turns -0 into 0
}

/** `from` (inclusive) and `to` (exclusive), all of time unless told. */
export function rangeParameters(parameter: Parameter): { readonly from: number; readonly to: number } {
  const from = timeParameter(parameter, 'from', startBounds.earliest);
  const to = timeParameter(parameter, 'to', startBounds.latest);
  if (from > to) throw refused('to', parameter('to'), `is before from: give a time after ${isoTime(from)}`);
  return { from, to };
}

/** One of a few words. */
export function wordParameter<Word extends string>(parameter: Parameter, name: string, words: readonly Word[], otherwise: Word): Word {
  const text = parameter(name);
  if (text === undefined) return otherwise;
  const word = words.find((known) => known === text);
  if (word === undefined) throw refused(name, text, `is unknown: use ${words.join(', ')}`);
  return word;
}

/** A whole number from 1 to a bound. */
export function limitParameter(parameter: Parameter, limits: { readonly most: number; readonly usual: number }): number {
  const text = parameter('limit');
  if (text === undefined) return limits.usual;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > limits.most)
    throw refused('limit', text, `is no limit: give a whole number from 1 to ${limits.most}`);
  return limit;
}

/** `key`, a JSON object with some of the group-by fields, `{"action":"Open"}`: rows have to agree with all of them. */
export function keyParameter(parameter: Parameter, query: Query): Readonly<Record<string, unknown>> {
  const text = parameter('key');
  if (text === undefined) return {};
  let key: unknown;
  try {
    key = JSON.parse(text);
  } catch {
    key = undefined;
  }
  if (typeof key !== 'object' || key === null || Array.isArray(key))
    throw refused('key', text, 'is no key: write a JSON object such as {"action":"Open"}');
  for (const name of Object.keys(key)) {
    if (!query.groupBy.includes(name))
      throw refused('key', name, `is no group-by field of ${query.name}: use ${query.groupBy.join(', ') || 'no key, it has none'}`);
  }
  for (const [name, value] of Object.entries(key)) {
    if (typeof value === 'object' && value !== null)
      throw refused('key', value, `is no value of ${name}, and no row can have it: give text, a number, a boolean or null`);
  }
  return key as Readonly<Record<string, unknown>>;
}

/** `by`, group-by fields of the query, separated by commas: all of them unless told, none for the grand total. */
export function byParameter(parameter: Parameter, query: Query): readonly string[] {
  try {
    return totalsFields('by', parameter('by') ?? query.groupBy.join(','), [query]);
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
  throw new Problem(404, 'unknown-query', 'query', `query: ${shown(name)} is not a query of pipeline ${pipeline.name}: use ${known}`);
}
