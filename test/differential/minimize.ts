import type { DifferentialCase } from './case.ts';

/**
 * A smaller case that still fails: fewer events, queries, aggregates, keys and conditions.
 * @param fails whether a case fails; one that cannot even run does not
 */
export async function minimize(
  given: DifferentialCase,
  fails: (smaller: DifferentialCase) => Promise<boolean>,
): Promise<DifferentialCase> {
  let smallest = given;
  const takes = async (smaller: DifferentialCase) => {
    const isSmaller = await fails(smaller);
    if (isSmaller) smallest = smaller;
    return isSmaller;
  };
  for (let before = ''; before !== JSON.stringify(smallest); ) {
    before = JSON.stringify(smallest);
    for (let i = smallest.queries.length - 1; i >= 0 && smallest.queries.length > 1; i--)
      await takes({ ...smallest, queries: smallest.queries.filter((_, at) => at !== i) });
    for (let part = Math.ceil(smallest.events.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2))
      for (let at = 0; at < smallest.events.length; )
        if (!(await takes(withoutEvents(smallest, at, at + part)))) at += part;
    for (const simpler of simplerQueries(smallest)) if (await takes(simpler)) break;
    for (const simpler of simplerWays(smallest)) await takes(simpler);
  }
  return smallest;
}

/** Without the events from one position to below another. */
function withoutEvents(given: DifferentialCase, from: number, to: number): DifferentialCase {
  const isLeft = (event: number) => event < from || event >= to;
  return {
    ...given,
    events: given.events.filter((_, event) => isLeft(event)),
    batches: given.batches
      .map((batch) => ({
        ...batch,
        events: batch.events.filter(isLeft).map((event) => (event < from ? event : event - (to - from))),
      }))
      .filter(({ events, finalize }) => events.length > 0 || finalize),
  };
}

function* simplerQueries(given: DifferentialCase): Generator<DifferentialCase> {
  for (const [i, query] of given.queries.entries()) {
    const changed = (own: Partial<typeof query>) => ({
      ...given,
      queries: given.queries.map((one, at) => (at === i ? { ...query, ...own } : one)),
    });
    const { where: _where, totals: _totals, ...plain } = query;
    if (query.where !== undefined || query.totals !== undefined)
      yield { ...given, queries: given.queries.map((one, at) => (at === i ? plain : one)) };
    for (let at = 0; at < query.aggregates.length && query.aggregates.length > 1; at++)
      yield changed({ aggregates: query.aggregates.filter((_, other) => other !== at) });
    if (query.totals === undefined || query.groupBy.length > 1)
      for (let at = 0; at < query.groupBy.length; at++)
        yield changed({ groupBy: query.groupBy.filter((_, other) => other !== at) });
    if (query.latenessMs > 0) yield changed({ latenessMs: 0 });
  }
}

function* simplerWays(given: DifferentialCase): Generator<DifferentialCase> {
  if (given.eventsPerRecord > 1) yield { ...given, eventsPerRecord: 1 };
  if (given.dedup) yield { ...given, dedup: false };
  for (let at = 0; at < given.batches.length; at++)
    for (const quiet of [{ repeated: false }, { cold: false }, { finalize: false }])
      if (Object.keys(quiet).some((name) => given.batches[at]?.[name as 'cold']))
        yield { ...given, batches: given.batches.map((batch, i) => (i === at ? { ...batch, ...quiet } : batch)) };
}
