import type { Pipeline } from '../../core/definition/pipeline.ts';
import { addCounters, type Counters, noEvents } from '../../core/events/counters.ts';
import { noProgress, type ShardProgress } from '../../core/log/totals.ts';
import type { StoredEntry } from '../log/entry.ts';
import { readTail } from '../log/log.ts';
import { isShard } from '../log/operator.ts';
import { type Registration, readRegistrations } from '../log/registration.ts';
import type { Stream, StreamShard } from '../stream/stream.ts';
import { checkStream } from '../stream/stream-identity.ts';
import type { Table } from '../table/table.ts';
import { lookAtShard, noteSeen, noteState, readSeenShards, type SeenShard, type ShardReport } from './shard-report.ts';

interface ObservationDeps {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly stream: Stream;
  /** Limits how many shards are looked at at a time. */
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  readonly nowMs: number;
}

/** The shards of the stream, their logs, and what has become of all events that are in. */
export interface Observation {
  readonly shards: readonly ShardReport[];
  /** The last entries of the logs that are not sealed, by shard; undefined: registered and empty. */
  readonly tails: ReadonlyMap<string, StoredEntry | undefined>;
  /** Of all shards, those that have left the stream too. */
  readonly counters: Counters;
  /** The greatest event time of all of them, epoch ms; minus infinity before the first event. */
  readonly maxEventTime: number;
}

/**
 * Every shard that is listed, and whether it holds the watermark (DESIGN 4.2, step 1). Shards that have left the stream
 * hold nothing and are not listed.
 * @throws TidemarkError when the stream is another one of the same name
 */
export async function observe(deps: ObservationDeps): Promise<Observation> {
  const { pipeline, state, stream, limit, nowMs } = deps;
  const [listed, registrations, seen] = await Promise.all([
    stream.listShards(),
    readRegistrations(state),
    readSeenShards(state),
  ]);
  // The listing is of the right stream, if the stream is the right one afterwards (stream-identity.ts).
  const [tails] = await Promise.all([readTails(state, registrations, limit), checkStream(state, stream)]);
  const progress = new Map<string, ShardProgress>();
  for (const { shardId, sealed } of registrations)
    if (isShard(shardId)) progress.set(shardId, sealed ?? tails.get(shardId)?.totals ?? noProgress);
  let reads = 0;
  const noted: Stream = {
    ...stream,
    tail: (shardId, after) => {
      reads++;
      return stream.tail(shardId, after);
    },
  };
  const shards = await Promise.all(
    listed.map((shard) =>
      limit(() =>
        look({ pipeline, state, stream: noted, nowMs }, shard, progress.get(shard.shardId) ?? noProgress, seen),
      ),
    ),
  );
  // What was read of the stream meanwhile has to be of the right one too.
  if (reads > 0) await checkStream(state, stream);
  await Promise.all(shards.map((shard) => limit(() => shard.note())));
  const all = [...progress.values()];
  return {
    shards: shards.map(({ report }) => report),
    tails,
    counters: all.reduce((total, shard) => addCounters(total, shard.counters), noEvents),
    maxEventTime: Math.max(...all.map((shard) => shard.maxEventTime ?? Number.NEGATIVE_INFINITY)),
  };
}

async function readTails(
  state: Table,
  registrations: readonly Registration[],
  limit: ObservationDeps['limit'],
): Promise<ReadonlyMap<string, StoredEntry | undefined>> {
  const open = registrations.filter(({ sealed }) => sealed === undefined);
  return new Map(
    await Promise.all(open.map(({ shardId }) => limit(async () => [shardId, await readTail(state, shardId)] as const))),
  );
}

/** A shard that was looked at. */
interface Looked {
  readonly report: ShardReport;
  /** Keeps what the shard is, for readers and later runs. To be called when the stream is known to be the right one. */
  note(): Promise<void>;
}

async function look(
  deps: Omit<ObservationDeps, 'limit'>,
  shard: StreamShard,
  { maxEventTime, sequenceNumber, ...progress }: ShardProgress,
  seen: ReadonlyMap<string, SeenShard>,
): Promise<Looked> {
  const { shardId } = shard;
  const before = seen.get(shardId) ?? (await noteSeen(deps, shardId));
  const { state, unreadable } = await lookAtShard(deps, shard, { maxEventTime, sequenceNumber, ...progress }, before);
  return {
    report: { shardId, maxEventTime, sequenceNumber, state, unreadable },
    note: () => noteState(deps.state, shardId, before, unreadable === undefined ? state : 'unreadable'),
  };
}
