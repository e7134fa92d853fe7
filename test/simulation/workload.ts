import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type AnyAggregate, count } from '../../functions/core/aggregates/index.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import { cube, rollup } from '../../functions/core/definition/grouping.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { forEachWindow, type SinkSpec, sqs, webhook } from '../../functions/core/definition/sink.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { cumulate } from '../../functions/core/windows/cumulate.ts';
import { global } from '../../functions/core/windows/global.ts';
import { session } from '../../functions/core/windows/session.ts';
import { sliding } from '../../functions/core/windows/sliding.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import type { MemoryShard } from '../../functions/testing/memory-stream.ts';
import type { Random } from '../../functions/testing/random.ts';
import { clockWindows } from './clocks.ts';
import type { Reshard, SimulationOptions } from './options.ts';

/** An event as the simulator knows it. */
export interface SimulatedEvent {
  /** Unique. The windows hold these ids in the end. */
  readonly id: string;
  readonly time: number;
  readonly key: string;
  /** Another field to group by. Some events have it as null, which is a value and not a total. */
  readonly site?: string | null;
  /** Whether it violates the schema, so that it is rejected. */
  readonly garbage: boolean;
  /**
   * The id from the producer. An event that is sent again has the same one. Undefined when the event has none, or
   * nothing is deduplicated.
   */
  readonly sentId?: string | undefined;
}

/** A Kinesis record and its events. */
export interface SimulatedRecord extends StreamRecord {
  readonly content: readonly SimulatedEvent[];
}

/** One shard, with its records in order and its lifetime. */
export interface SimulatedShard extends MemoryShard {
  createdAt: number;
  closedAt: number | undefined;
  readonly records: readonly SimulatedRecord[];
}

/** The overlapping windows of the second query. Each record lies in `overlap` of them, or in one less. */
function overlapping({ overlap, windowMs, overlapKind }: SimulationOptions): WindowKind {
  const slideMs = windowMs / 2;
  if (overlapKind === 'cumulate') return cumulate({ ms: overlap * slideMs }, { ms: slideMs });
  return sliding(
    { ms: overlapKind === 'uneven' ? overlap * slideMs - Math.ceil(slideMs / 3) : overlap * slideMs },
    { ms: slideMs },
  );
}

function sessionsOf({ sessionGapMs, sessionSlices }: SimulationOptions): WindowKind {
  return session({ ms: sessionGapMs }, { resolution: { ms: Math.ceil(sessionGapMs / sessionSlices) } });
}

/**
 * An aggregate that keeps every id, so that events counted twice or not at all are seen. `bulk` makes its results long.
 */
function ids(bulk: number): AnyAggregate<SimulatedEvent> {
  // Buffer makes one flat string; with `repeat`, each reader would have to flatten it.
  const filler = Buffer.alloc(bulk, 'x').toString('latin1');
  const aggregate = {
    kind: 'ids',
    input: (event: SimulatedEvent) => ({ kind: 'value', value: event.id }),
    identity: [],
    add: (state: readonly string[], id: string) => merged(state, [id]),
    merge: merged,
    encode: (state: readonly string[]) => state,
    decode: (json: readonly string[]) => json,
    result: (state: readonly string[]) => (bulk === 0 ? { ids: state } : { ids: state, filler }),
  };
  return aggregate as unknown as AnyAggregate<SimulatedEvent>;
}

function merged(left: readonly string[], right: readonly string[]): readonly string[] {
  if (left.length === 0) return right;
  return [...left, ...right].sort();
}

/** The schema accepts everything with an id. */
const schema: StandardSchemaV1<unknown, SimulatedEvent> = {
  '~standard': {
    version: 1,
    vendor: 'simulation',
    validate: (value) =>
      typeof value === 'object' && value !== null && 'id' in value
        ? { value: value as SimulatedEvent }
        : { issues: [{ message: 'garbage' }] },
  },
};

function groupByOf({ grouping }: SimulationOptions) {
  if (grouping === 'plain') return ['key'] as const;
  return grouping === 'rollup' ? rollup('key', 'site') : cube('key', 'site');
}

/**
 * The pipeline of a simulation. `first` counts everything in windows side by side. `second` counts some of it in
 * overlapping windows. `sessions` counts everything in sessions, `running` in one window, and `series` in windows that
 * exist without events too.
 */
export function simulatedPipeline(options: SimulationOptions): Pipeline {
  const aggregates = { ids: ids(options.bulk), count: count() };
  const { expectedKeys, earlyMs, latenessMs, history, windowMs, overlap, clocks, mostEmpty } = options;
  // Only windows with panes before their final one have panes to keep.
  const emit = {
    ...(earlyMs === 0 ? {} : { early: { ms: earlyMs } }),
    history: earlyMs === 0 && latenessMs === 0 ? 0 : history,
  };
  const shared = { aggregates, expectedKeys, emit, allowedLateness: { ms: latenessMs } };
  const grouped = { ...shared, groupBy: groupByOf(options) };
  const byKey = { ...shared, groupBy: ['key'] as const };
  const first = {
    ...grouped,
    window: clocks === undefined ? tumbling({ ms: windowMs }) : clockWindows(clocks, windowMs),
  };
  return definePipeline({
    name: 'simulated',
    event: schema,
    eventTime: { of: (event) => event.time, unit: 'ms' },
    ...(options.dedupMs === 0
      ? {}
      : { dedup: { by: (event: SimulatedEvent) => event.sentId, within: { ms: options.dedupMs } } }),
    sinks: simulatedSinks(options),
    watermark: { delay: { ms: options.delayMs }, idle: { ms: options.idleMs }, maxFutureSkew: '36500 days' },
    queries: {
      first,
      ...(overlap === 0
        ? {}
        : {
            second: { ...grouped, where: (event: SimulatedEvent) => event.key !== 'k1', window: overlapping(options) },
          }),
      ...(options.sessionGapMs === 0 ? {} : { sessions: { ...byKey, emit: {}, window: sessionsOf(options) } }),
      ...(options.running ? { running: { ...byKey, window: global() } } : {}),
      ...(mostEmpty === 0
        ? {}
        : {
            series: {
              ...shared,
              window: overlap === 0 ? tumbling({ ms: windowMs }) : overlapping(options),
              emptyWindows: { most: mostEmpty },
            },
          }),
    },
  });
}

/** The pipeline of the deployment before: it lacks the last query of this one; undefined when that is the only one. */
export function olderPipeline(options: SimulationOptions): Pipeline | undefined {
  if (options.mostEmpty > 0) return simulatedPipeline({ ...options, mostEmpty: 0 });
  if (options.running) return simulatedPipeline({ ...options, running: false });
  if (options.sessionGapMs > 0) return simulatedPipeline({ ...options, sessionGapMs: 0 });
  return options.overlap > 0 ? simulatedPipeline({ ...options, overlap: 0 }) : undefined;
}

function simulatedSinks({ sinks }: SimulationOptions): Readonly<Record<string, SinkSpec>> {
  return Object.fromEntries(
    sinks.map(({ mode, attempts, kind }, i): [string, SinkSpec] => {
      const options = { mode, attempts };
      return [
        `sink${i}`,
        kind === 'forEachWindow' ? forEachWindow(() => {}, options) : kind === 'sqs' ? sqs(options) : webhook(options),
      ];
    }),
  );
}

const firstNumber = 10n ** 40n - 5n;

/** Draws the shards and all their records. */
export function drawShards(options: SimulationOptions, random: Random, startMs: number): readonly SimulatedShard[] {
  const reshardAt = startMs + random.int(0.2 * options.putsMs, 0.8 * options.putsMs);
  const plans = shardPlans(options, random, startMs, reshardAt);
  const puts = Array.from({ length: options.records }, () => startMs + random.int(0, options.putsMs)).sort(
    (left, right) => left - right,
  );
  const greatest = new Map<string, number>();
  const records = new Map<string, SimulatedRecord[]>(plans.map(({ shardId }) => [shardId, []]));
  const sentIdOf = options.dedupMs === 0 ? () => undefined : sentIds(random.fork());
  for (const [number, arrival] of puts.entries()) {
    const open = plans.filter(
      ({ createdAt, closedAt }) => createdAt <= arrival && (closedAt === undefined || arrival < closedAt),
    );
    const shard = open[random.int(0, open.length - 1)];
    const log = records.get(shard?.shardId ?? '');
    if (shard === undefined || log === undefined) continue;
    const content = Array.from({ length: random.int(1, options.eventsPerRecord) }, (_, sub): SimulatedEvent => {
      const ahead = options.epochMs + Math.round((arrival - startMs) * options.pace);
      const behind = random.chance(0.5) ? 0 : random.int(0, options.disorderMs);
      const time = Math.max(ahead, greatest.get(shard.shardId) ?? ahead) - behind;
      const garbage = random.chance(options.garbage);
      if (!garbage) greatest.set(shard.shardId, Math.max(time, greatest.get(shard.shardId) ?? time));
      return {
        id: `${number}.${sub}${padding(options.padding, random)}`,
        time,
        key: `k${random.int(0, options.keys - 1)}`,
        site: number % 3 === 0 ? null : `s${number % 2}`,
        garbage,
        sentId: sentIdOf(),
      };
    });
    log.push({
      // Numbers rise within a shard, with gaps and a growing number of digits. They exceed what DynamoDB's and
      // JavaScript's numbers hold.
      sequenceNumber: `${firstNumber + BigInt(number * 3)}`,
      arrival,
      partitionKey: 'p',
      content,
      events: content.map((event, subRecord) => {
        const text = event.garbage
          ? '{}'
          : JSON.stringify({ id: event.id, time: event.time, key: event.key, site: event.site, sentId: event.sentId });
        return { text, subRecord, bytes: () => Buffer.from(text) };
      }),
    });
  }
  return plans.map((plan) => ({ ...plan, records: records.get(plan.shardId) ?? [] }));
}

/**
 * Draws the ids of events. Some events are sent again, soon or late, in the same record or on another shard, and may
 * differ in all other fields. Some have no id.
 */
function sentIds(random: Random): () => string | undefined {
  const sent: string[] = [];
  return () => {
    if (random.chance(0.05)) return undefined;
    const again = random.chance(0.4) ? sent[sent.length - 1 - random.int(0, 5)] : undefined;
    if (again === undefined) sent.push(`sent-${sent.length}`);
    return again ?? sent[sent.length - 1];
  };
}

type ShardPlan = Omit<SimulatedShard, 'records'>;

function shardPlans(
  options: SimulationOptions,
  random: Random,
  startMs: number,
  reshardAt: number,
): readonly ShardPlan[] {
  const first = Array.from({ length: options.shards }, (_, i): ShardPlan => {
    return { shardId: `shard-${i}`, parents: [], createdAt: startMs, closedAt: undefined };
  });
  if (options.reshards !== undefined) return resharded(first, options.reshards, startMs);
  const parents = options.reshard === 'none' ? [] : first.slice(0, options.reshard === 'split' ? 1 : 2);
  if (parents.length === 0 || (options.reshard === 'merge' && parents.length < 2)) return first;
  const names = parents.map(({ shardId }) => shardId);
  const children = Array.from({ length: options.reshard === 'split' ? 2 : 1 }, (_, i): ShardPlan => {
    return {
      shardId: `shard-${options.shards + i}`,
      parents: names,
      createdAt: reshardAt + random.int(0, 2000),
      closedAt: undefined,
    };
  });
  return [
    ...first.map((shard) => (names.includes(shard.shardId) ? { ...shard, closedAt: reshardAt } : shard)),
    ...children,
  ];
}

function resharded(first: readonly ShardPlan[], reshards: readonly Reshard[], startMs: number): readonly ShardPlan[] {
  const plans = [...first];
  for (const { of, at } of reshards) {
    const parents = of.flatMap((position) => plans[position] ?? []);
    const createdAt = at === 'drain' ? Number.POSITIVE_INFINITY : startMs + at;
    for (const parent of parents) parent.closedAt = at === 'drain' ? undefined : createdAt;
    for (let children = parents.length === 1 ? 2 : 1; children > 0; children--)
      plans.push({
        shardId: `shard-${plans.length}`,
        parents: parents.map(({ shardId }) => shardId),
        createdAt,
        closedAt: undefined,
      });
  }
  return plans;
}

function padding(bytes: number, random: Random): string {
  let text = '';
  while (text.length < bytes) text += random.int(0, 36 ** 5).toString(36);
  return text === '' ? '' : `-${text.slice(0, bytes)}`;
}
