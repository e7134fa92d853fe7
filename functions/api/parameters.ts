import { shown } from '../core/error.ts';
import { eventTimeBounds, isoTime, parseIsoTime } from '../core/event-time.ts';
import type { Pipeline, Query } from '../core/pipeline.ts';
import { Problem } from './problem.ts';

/** A request's parameters by name; undefined where it has none. */
export type Parameter = (name: string) => string | undefined;

/** Most windows in one answer, and how many unless told: an answer of Lambda ends at 6 MB. */
export const windowLimits = { most: 1000, usual: 100 } as const;

/** The problem of a parameter: its name, what was received, and what to do. */
export function refused(name: string, value: unknown, remedy: string): Problem {
  return new Problem(400, 'Invalid parameter', `${name}: ${shown(value)} ${remedy}`);
}

/** A moment: ISO 8601 with a zone, or epoch milliseconds. */
export function timeParameter(parameter: Parameter, name: string, otherwise: number): number {
  const text = parameter(name);
  if (text === undefined) return otherwise;
  const ms = /^-?\d{1,16}$/.test(text) ? Number(text) : parseIsoTime(text);
  if (ms === undefined || ms < eventTimeBounds.earliest || ms > eventTimeBounds.latest)
    throw refused(name, text, 'is no time: write ISO 8601 with a zone (2016-07-26T02:00:00Z) or epoch milliseconds');
  return ms;
}

/** `from` (inclusive) and `to` (exclusive), all of time unless told. */
export function rangeParameters(parameter: Parameter): { readonly from: number; readonly to: number } {
  const from = timeParameter(parameter, 'from', eventTimeBounds.earliest);
  const to = timeParameter(parameter, 'to', eventTimeBounds.latest);
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
  return key as Readonly<Record<string, unknown>>;
}

/** The query that a path names. */
export function namedQuery(pipeline: Pipeline, name: string): Query {
  const query = pipeline.queries.find((known) => known.name === name);
  if (query !== undefined) return query;
  const known = pipeline.queries.map((other) => other.name).join(', ');
  throw new Problem(404, 'Unknown query', `query: ${shown(name)} is not a query of pipeline ${pipeline.name}: use ${known}`);
}
