import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type AnyAggregate, avg, count, max, min, type NumberOf, sum } from '../../functions/core/aggregates/index.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import type { DedupSpec, Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import type { GroupValue } from '../../functions/core/events/group-key.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { members } from './members.ts';
import { requireNothing, Unsupported } from './unsupported.ts';
import type { Vector } from './vector.ts';
import type { VectorDedup } from './vector-dedup.ts';
import { windowKindOf } from './window-kinds.ts';

/** An event as it is put on the stream. */
export interface StreamEvent {
  /** Its place among all events of the vector; undefined for one that only carries a shard's watermark. */
  readonly place?: number;
  readonly partition: string;
  readonly fields: JsonObject;
}

/** Columns of the runner's own, beside those of the vector. */
export const ownColumns = { members: 'members', latestTime: 'latestTime', place: 'place' } as const;

const numeric = { sum, min, max, avg };

/** Columns that the runner makes from the members of a window. */
const fromMembers = ['concat', 'values'];

const schema: StandardSchemaV1<unknown, StreamEvent> = {
  '~standard': {
    version: 1,
    vendor: 'tidemark-conformance',
    validate: (value) => (isStreamEvent(value) ? { value } : { issues: [{ message: 'not an event of a vector' }] }),
  },
};

function isStreamEvent(value: unknown): value is StreamEvent {
  return isObject(value as Json) && isObject((value as { fields?: Json }).fields);
}

/** The queries that a vector describes: one for each offset of its windows. */
export interface VectorQuery {
  readonly query: Query;
  /** The offset of its windows, ms; undefined: the vector says nothing of it. */
  readonly offset: number | undefined;
}

/**
 * The pipeline that a vector describes. Where the vector has no window, the query wants no event, so that only
 * watermarks move.
 * @param aggregates names of the aggregates, the vector's and those that `expect` shows
 * @throws Unsupported, also for a pipeline that Tidemark refuses to run
 */
export function vectorPipeline(
  vector: Vector,
  aggregates: readonly string[],
): { readonly pipeline: Pipeline; readonly queries: readonly VectorQuery[] } {
  const { watermark, dedup, offsets } = vector;
  const wanted = aggregates.filter((name) => !fromMembers.includes(name));
  requireNothing(wanted.filter((name) => name !== 'count' && !(name in numeric)).map((name) => `aggregate ${name}`));
  const element = elementOf(vector);
  const all = offsets?.all ?? [undefined];
  try {
    const pipeline = definePipeline({
      name: 'vector',
      event: schema,
      eventTime: { of: (event) => timeOf(event, watermark.partitionDelaysMs), unit: 'ms' },
      watermark: {
        delay: { ms: watermark.delayMs },
        // Vectors do not say when their events arrive: the virtual clock starts after every event time.
        maxFutureSkew: 0,
        idle: { ms: vector.idleTimeoutMs ?? 60_000 },
      },
      ...(dedup === undefined ? {} : { dedup: dedupOf(dedup) }),
      queries: Object.fromEntries(
        all.map((offset, at) => [
          `vector${at}`,
          {
            window: windowAt(vector, offset),
            where: wantedAt(vector, offset),
            groupBy: {
              ...Object.fromEntries(
                vector.groupBy.map((name) => [
                  name,
                  ({ fields }: StreamEvent) => fields[name] as GroupValue | undefined,
                ]),
              ),
              ...(asksForInitialSessions(vector) ? { [ownColumns.place]: ({ place }: StreamEvent) => place } : {}),
            },
            allowedLateness: { ms: vector.latenessMs },
            aggregates: {
              ...Object.fromEntries(wanted.map((name) => [name, aggregateOf(name, element)])),
              [ownColumns.members]: members((event) => [
                (event as StreamEvent).place ?? -1,
                element(event as StreamEvent),
              ]),
              [ownColumns.latestTime]: max((event: StreamEvent) => event.fields['time'] as number),
            },
          },
        ]),
      ),
    });
    const queries = pipeline.queries.map((query, at) => ({ query, offset: all[at] }));
    return { pipeline, queries };
  } catch (error) {
    if (error instanceof TidemarkError) throw new Unsupported([`refused: ${error.message}`]);
    throw error;
  }
}

/** The windows of a query. Rows that are only deduplicated are late when W is beyond their time. */
function windowAt({ window, dedup, steps }: Vector, offset: number | undefined): WindowKind {
  if (window === null) return tumbling(dedup === undefined ? '1 hour' : '1 ms');
  const times = steps.flatMap((step) =>
    step.kind === 'events' ? step.events.map(({ fields }) => Number(fields['time'])) : [],
  );
  return windowKindOf(window, offset, times);
}

/** The events of a query: those that name its offset and, where it is the window's own, those that name none. */
function wantedAt({ window, dedup, offsets }: Vector, offset: number | undefined): (event: StreamEvent) => boolean {
  if (window === null && dedup === undefined) return () => false;
  if (offsets === undefined) return ({ place }) => place !== undefined;
  const isWindows = offsets.ofWindow.some((one) => one === offset);
  return ({ place, fields }) => {
    const own = offsets.areOfEvents ? (fields['offset'] ?? null) : null;
    return place !== undefined && (own === null ? isWindows : own === offset);
  };
}

/** Without a horizon of the vector it is the longest allowed: the virtual clock goes on by minutes a step. */
function dedupOf({ keys, withinMs }: VectorDedup): DedupSpec<StreamEvent> {
  return { by: (event) => idOf(event, keys), within: withinMs === undefined ? '7 days' : { ms: withinMs } };
}

/** Whether the vector asks for the sessions before any are merged. Each event is then a key of its own. */
function asksForInitialSessions({ window, expect }: Vector): boolean {
  return window?.['type'] === 'session' && 'assignments' in expect;
}

function idOf({ fields, place }: StreamEvent, names: readonly string[]): string | null {
  return place === undefined ? null : JSON.stringify(names.map((name) => fields[name] ?? null));
}

function aggregateOf(name: string, element: (event: StreamEvent) => Json): AnyAggregate<StreamEvent> {
  if (name === 'count') return count();
  const make = numeric[name as keyof typeof numeric] as (of: NumberOf<StreamEvent>) => AnyAggregate<StreamEvent>;
  return make(element as NumberOf<StreamEvent>);
}

/** The element of an event: its value, or its time in vectors whose events have no value, as in Beam's transcripts. */
function elementOf({ steps }: Vector): (event: StreamEvent) => Json {
  const haveValues = steps.some(
    (step) => step.kind === 'events' && step.events.some(({ fields }) => 'value' in fields),
  );
  return ({ fields }) => (haveValues ? fields['value'] : fields['time']) ?? null;
}

/**
 * The time of an event. A partition has a delay of its own only where there are no windows; its times are then moved by
 * it.
 */
function timeOf({ fields, partition }: StreamEvent, delays: Readonly<Record<string, number>>): number | null {
  const { time } = fields;
  return typeof time === 'number' ? time - (delays[partition] ?? 0) : null;
}
