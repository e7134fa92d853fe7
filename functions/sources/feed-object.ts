import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Pipeline } from '../core/definition/pipeline.ts';
import { latestOf } from '../core/events/sequence-number.ts';
import { type Coverage, readCoverage } from '../feeder/coverage.ts';
import { createFeeder, type NotPut } from '../feeder/feeder.ts';
import { linePartitionKey } from '../feeder/partition-key.ts';
import { jsonLines } from '../formats/json-lines.ts';
import { type ReadLine, readLines } from '../formats/lines.ts';
import { readAllProgress } from '../state/epochs/progress.ts';
import {
  type Claimant,
  claimObject,
  noteObject,
  type ObjectProgress,
  type ObjectVersion,
  objectName,
} from '../state/stream/object-progress.ts';
import type { Table } from '../state/table/table.ts';
import { unpackedBytes } from './unpacked.ts';

/** The dependencies of {@link feedObject}. */
export interface FeedObjectOptions {
  readonly pipeline: Pipeline;
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly state: Table;
  /** Opens the object. @throws ObjectGone */
  readonly open: () => Promise<AsyncIterable<Uint8Array>>;
  readonly owner: string;
  readonly attempt: string;
  /** Epoch ms. */
  readonly now: () => number;
  /** The time that is left of the invocation, ms. */
  readonly remainingMs: () => number;
  readonly random: () => number;
  /** Called with each line that no record holds. */
  readonly onNotPut: (line: NotPut) => void;
}

/** The version to read does not exist any more. */
export class ObjectGone extends Error {
  override readonly name = 'ObjectGone';
}

/**
 * The outcome of one attempt. `paused`: the time was over, and another attempt has to go on. `held`: another attempt is
 * at it. `lost`: another attempt took over, which only happens to one that was thought dead.
 */
export interface FedObject {
  readonly outcome: 'done' | 'already done' | 'paused' | 'held' | 'lost';
  /** Events that this attempt put. */
  readonly events: number;
  /** Lines by which it came further. Lines that an attempt that died had put are only skipped, and count too. */
  readonly lines: number;
}

/**
 * Bytes and lines that are put before the progress is noted, about one call of PutRecords. After a crash the stream is
 * searched for these.
 */
const blockBytes = 4 * 1024 * 1024;
const blockLines = 50_000;
/** No block is begun with less time left, ms: a throttled stream may take long for one. */
const reserveMs = 30_000;
/** How far the clocks of two machines may differ, ms. */
const clockMs = 10_000;

/**
 * Puts the lines of an object into the stream, each once. The exception is a record that Kinesis stores and whose
 * answer is lost: it is put again. The progress is noted after each block, with its place in the stream. An attempt
 * that follows one that died reads the stream from there, and leaves out the lines that are in it already. A claim
 * keeps two attempts apart. It is good for as long as an invocation can live.
 */
export async function feedObject(object: ObjectVersion, options: FeedObjectOptions): Promise<FedObject> {
  const { state, kinesis, streamName, attempt, now, remainingMs } = options;
  const nowMs = now();
  const claimant: Claimant = { owner: options.owner, attempt, nowMs, untilMs: nowMs + remainingMs() + clockMs };
  const claim = await claimObject(state, object, claimant, () => committedPositions(state));
  if (claim.outcome === 'done') return { outcome: 'already done', events: 0, lines: 0 };
  if (claim.outcome === 'held') return { outcome: 'held', events: 0, lines: 0 };
  let progress = claim.progress;
  const came = () => ({ events: put.events(), lines: progress.line - claim.progress.line });
  const skip =
    claim.outcome === 'interrupted'
      ? await readCoverage({ kinesis, streamName, after: new Map(Object.entries(progress.positions)) })
      : undefined;
  const put = putter(object, skip, options);
  for await (const block of blocks(readLines(jsonLines(unpackedBytes(await options.open()))), progress.line)) {
    if (remainingMs() < reserveMs) {
      const paused = await noteObject(state, object, attempt, { ...progress, phase: 'paused' }, now());
      return { outcome: paused === 'applied' ? 'paused' : 'lost', ...came() };
    }
    progress = await put.block(block, progress);
    if ((await noteObject(state, object, attempt, progress, now())) === 'refused')
      return { outcome: 'lost', ...came() };
  }
  const done = await noteObject(state, object, attempt, { ...progress, phase: 'done' }, now());
  return { outcome: done === 'applied' ? 'done' : 'lost', ...came() };
}

/**
 * The committed position of every shard, which is before all that is put from now on. A shard that has committed
 * nothing is read from its beginning.
 */
async function committedPositions(state: Table): Promise<ObjectProgress['positions']> {
  const positions: Record<string, string> = {};
  for (const [shardId, { sequenceNumber }] of await readAllProgress(state))
    if (sequenceNumber !== undefined) positions[shardId] = sequenceNumber;
  return positions;
}

function putter(object: ObjectVersion, skip: Coverage | undefined, options: FeedObjectOptions) {
  const { pipeline, kinesis, streamName, random, onNotPut } = options;
  const feeder = createFeeder({ kinesis, streamName, partitionKey: linePartitionKey(pipeline), random, onNotPut });
  const name = objectName(object);
  return {
    events: () => feeder.progress().eventsPut,
    async block(block: readonly ReadLine[], before: ObjectProgress): Promise<ObjectProgress> {
      const notPut = feeder.progress().notPut;
      await feeder.putLines(once(block), name, { skip });
      const positions = { ...before.positions };
      for (const [shardId, sequenceNumber] of await feeder.flush())
        positions[shardId] = latestOf(positions[shardId], sequenceNumber) ?? sequenceNumber;
      // The skipped lines are in the stream already. An attempt that follows this one does not need them, for they lie
      // behind its start.
      const line = block.at(-1)?.number ?? before.line;
      return { phase: 'feeding', line, positions, notPut: before.notPut + feeder.progress().notPut - notPut };
    },
  };
}

async function* once(block: readonly ReadLine[]): AsyncGenerator<readonly ReadLine[]> {
  yield block;
}

/** The lines after a given one, in blocks. */
async function* blocks(lines: AsyncIterable<readonly ReadLine[]>, after: number): AsyncGenerator<readonly ReadLine[]> {
  let block: ReadLine[] = [];
  let bytes = 0;
  for await (const some of lines) {
    for (const line of some) {
      if (line.number <= after) continue;
      block.push(line);
      bytes += 'line' in line ? line.line.length : 0;
      if (bytes < blockBytes && block.length < blockLines) continue;
      yield block;
      block = [];
      bytes = 0;
    }
  }
  if (block.length > 0) yield block;
}
