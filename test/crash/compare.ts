import { apiClient } from '../../cli/deployment/api-client.ts';
import type { SideJson } from '../../functions/api/side-json.ts';
import type { WindowJson } from '../../functions/api/window-json.ts';
import { eventsOf, expectedOf, pipeline, type StreamEvent, windowEnd } from './oracle.ts';
import { readStream } from './stream-content.ts';

/** The two sides of the comparison. */
export interface Comparison {
  readonly url: string;
  /** The beginning of the run, epoch ms. */
  readonly since: number;
  readonly acknowledged: ReadonlyMap<string, string>;
  readonly made: ReadonlySet<string>;
  /** Rows of final windows as they were read during the run, by query and start. */
  readonly seen: ReadonlyMap<string, string>;
}

/** The contents of the stream and the tables, and all differences. */
export interface Compared {
  readonly records: number;
  readonly events: number;
  /** Events whose time the pipeline is asked for: all except those that are refused earlier. */
  readonly timed: number;
  /** Records that are in the stream more than once, because a producer had to put them again. */
  readonly repeated: number;
  readonly shards: number;
  readonly windows: number;
  readonly late: number;
  readonly rejected: number;
  readonly differences: readonly string[];
}

/** Reads everything back and compares it with one pass over what the stream holds. */
export async function compare({ url, since, acknowledged, made, seen }: Comparison): Promise<Compared> {
  const differences: string[] = [];
  const api = apiClient(url);
  const content = await readStream(url);

  const stored = new Map(
    content.flatMap(({ shardId, records }) =>
      records.map((record) => [`${shardId}:${record.SequenceNumber}`, record.PartitionKey]),
    ),
  );
  const storedKeys = new Set(stored.values());
  for (const [place, key] of acknowledged)
    if (stored.get(place) !== key)
      differences.push(
        `record ${key} was acknowledged as ${place}, where the stream holds ${stored.get(place) ?? 'nothing'}`,
      );
  for (const key of made) if (!storedKeys.has(key)) differences.push(`record ${key} is not in the stream`);

  const events = eventsOf(content);
  const side = await api.late({ from: since, to: Date.now() + 1 });
  differences.push(...sideDifferences(events, side));
  const isLate = new Set(side.map((event) => `${placeOf(event)}#${event.query}`));
  const expected = expectedOf(events, (place, query) => isLate.has(`${place}#${query}`));

  const conservation = await api.conservation();
  for (const [name, value] of Object.entries(expected.counters)) {
    const actual = conservation[name as keyof typeof expected.counters];
    if (actual !== value) differences.push(`counter ${name}: ${actual}, expected ${value}`);
  }
  const pairs = (conservation as unknown as { readonly queries: unknown }).queries;
  if (sorted(pairs) !== sorted(expected.queries))
    differences.push(`counters of the queries: ${JSON.stringify(pairs)}, expected ${JSON.stringify(expected.queries)}`);

  const windows = (await Promise.all(pipeline.queries.map(({ name }) => api.windows(name, {})))).flat();
  const actual = new Map(windows.map((window) => [nameOf(window), window]));
  for (const window of windows)
    if (window.status !== 'final')
      differences.push(`window ${nameOf(window)} is ${window.status} after the end of the stream`);
  const rowsExpected = new Map(expected.windows.map((window) => [nameOf(window), JSON.stringify(window.rows)]));
  for (const name of new Set([...actual.keys(), ...rowsExpected.keys()])) {
    const rows = actual.get(name)?.rows;
    if (JSON.stringify(rows) !== rowsExpected.get(name))
      differences.push(
        `window ${name}: ${JSON.stringify(rows) ?? 'missing'}, expected ${rowsExpected.get(name) ?? 'none'}`,
      );
  }
  for (const [name, rows] of seen)
    if (rows !== finalRows(actual.get(name)))
      differences.push(`window ${name} was final with ${rows}, and is now ${finalRows(actual.get(name))}`);

  return {
    records: stored.size,
    events: events.length,
    timed: events.filter(({ read }) => read.outcome === 'accepted' || read.reason === 'future').length,
    repeated: stored.size - storedKeys.size,
    shards: content.length,
    windows: windows.length,
    late: side.filter(({ reason }) => reason === 'late').length,
    rejected: side.filter(({ reason }) => reason !== 'late').length,
    differences,
  };
}

/**
 * Differences of the side output. Each rejected event is there once, with its reason. Each late event is there once a
 * query, and had a reason to be late. There is nothing else.
 */
function sideDifferences(events: readonly StreamEvent[], side: readonly SideJson[]): readonly string[] {
  const differences: string[] = [];
  const byPlace = new Map(events.map((event) => [event.place, event]));
  const entries = new Set<string>();
  for (const entry of side) {
    const { query, reason } = entry;
    const place = placeOf(entry);
    const name = `${place}#${query}`;
    if (entries.has(name)) differences.push(`${name} is in the side output twice`);
    entries.add(name);
    const event = byPlace.get(place);
    if (event === undefined) differences.push(`${name} is in the side output and not in the stream`);
    else if (event.read.outcome === 'rejected') {
      if (query !== null || reason !== event.read.reason)
        differences.push(`${name} is set aside as ${reason}, expected ${event.read.reason}`);
    } else if (
      query === null ||
      reason !== 'late' ||
      event.read.keys[pipeline.queries.find((each) => each.name === query)?.index ?? -1] === undefined
    )
      differences.push(`${name} is set aside as ${reason}, and is valid`);
    else if (windowEnd(query, event.read.time) > event.latestBefore - pipeline.delayMs)
      differences.push(
        `${name} is late, and came in time: event time ${event.read.time}, the latest before it in its shard ${event.latestBefore}`,
      );
  }
  for (const { place, read } of events)
    if (read.outcome === 'rejected' && !entries.has(`${place}#null`))
      differences.push(`${place} is rejected (${read.reason}) and not in the side output`);
  return differences;
}

function placeOf({ shardId, sequenceNumber, subRecord }: SideJson): string {
  return `${shardId}#${sequenceNumber}#${subRecord}`;
}

/** A window's name among those of all queries. */
export function nameOf({ query, start }: { readonly query: string; readonly start: number }): string {
  return `${query} ${new Date(start).toISOString()}`;
}

/** The parts of a final window that may never change, as text. */
export function finalRows(window: WindowJson | undefined): string {
  return JSON.stringify([window?.status, window?.revision, window?.rows]);
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, given: unknown) =>
    typeof given === 'object' && given !== null && !Array.isArray(given)
      ? Object.fromEntries(Object.entries(given).sort(([left], [right]) => (left < right ? -1 : 1)))
      : given,
  );
}
