import { type AnyAggregate, avg, count, max, min, type NumberOf } from '../../functions/core/aggregates/index.ts';
import { isObject, type Json, type JsonObject, listOf, objectsOf, unknownFields } from './json.ts';
import { requireNothing, Unsupported } from './unsupported.ts';

const value: NumberOf<number> = (event) => event;
const statistics: Readonly<Record<string, AnyAggregate<number>>> = {
  max: max(value),
  min: min(value),
  avg: avg(value),
  count: count(),
};

/** The most numbers that are added to make a state. */
const mostRecords = 1_000_000;

type States = Readonly<Record<string, unknown>>;

/**
 * Partial aggregates that are added to and merged, as Spark's EventTimeStats. The question consists of `a` and the
 * values that are merged or added.
 * @throws Unsupported for another form
 */
export function mergedStatistics(entries: Json | undefined): readonly JsonObject[] {
  return objectsOf(entries).map((entry) => {
    requireNothing(unknownFields('expect.merge', entry, ['a', 'merge', 'add', 'result']));
    const { a, merge, add } = entry;
    const begun = statesOf(a);
    const merged = merge === undefined ? begun : combined(begun, statesOf(merge));
    const states = listOf(add).reduce<States>((left, number) => combined(left, single(number)), merged);
    return { ...question(entry), result: resultOf(states) };
  });
}

function question({ result: _, ...asked }: JsonObject): JsonObject {
  return asked;
}

/** The states behind results. An average stands for that many equal numbers. */
function statesOf(results: Json | undefined): States {
  if (results === 'zero') return mapped((aggregate) => aggregate.identity);
  if (!isObject(results)) throw new Unsupported(['expect.merge of another form']);
  requireNothing(unknownFields('expect.merge', results, Object.keys(statistics)));
  const records = Number(results['count']);
  if (!(records <= mostRecords)) throw new Unsupported([`expect.merge count ${records}`]);
  return mapped((aggregate, name) => {
    let state = aggregate.identity;
    for (let i = 0; i < records; i++) state = added(aggregate, state, results[name] ?? null);
    return state;
  });
}

function single(number: Json): States {
  return mapped((aggregate) => added(aggregate, aggregate.identity, number));
}

function added(aggregate: AnyAggregate<number>, state: unknown, number: Json): unknown {
  const input = aggregate.input(Number(number), 0);
  return input.kind === 'value' ? aggregate.add(state, input.value) : state;
}

function combined(left: States, right: States): States {
  return mapped((aggregate, name) => aggregate.merge(left[name], right[name]));
}

function resultOf(states: States): Json {
  const results = mapped((aggregate, name) => aggregate.result(states[name]));
  return results['count'] === 0 ? 'zero' : results;
}

function mapped<T>(of: (aggregate: AnyAggregate<number>, name: string) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(statistics).map(([name, aggregate]) => [name, of(aggregate, name)]));
}
