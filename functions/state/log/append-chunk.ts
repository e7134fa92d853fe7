import { argumentError } from '../../core/arguments/error.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { LogTotals } from '../../core/log/totals.ts';
import { totalsAfterBatch } from '../../core/log/totals.ts';
import { writeSideOutput } from '../items/side-event.ts';
import { itemBytes } from '../table/item-bytes.ts';
import type { Attribute, Attributes, Table, WriteOutcome } from '../table/table.ts';
import { type Chunk, foldChunk, type ReadRecord } from './chunk.ts';
import {
  type Content,
  contentOf,
  type EntryBounds,
  type FreshIds,
  type PartedContent,
  partedContent,
} from './content.ts';
import type { Deduplication } from './deduplication.ts';
import { itemOf, type LogEntry, type StoredEntry } from './entry.ts';
import type { FollowedLog } from './followed-log.ts';
import { entryLifeMs, putEntry, readEntry } from './log.ts';

/** What appending to the log of a shard needs. */
export interface AppendOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly rejects: Table;
  readonly shardId: string;
  /** Epoch ms. */
  readonly now: () => number;
  /** A fresh id for each entry that needs parts. */
  readonly attempt: () => string;
  /** @default entryBounds */
  readonly bounds?: EntryBounds;
}

/** The shard's log, and the ids of its events; undefined: the pipeline does not deduplicate. */
export interface AppendMemory {
  readonly log: FollowedLog;
  readonly ids: Deduplication | undefined;
}

/** The outcome of {@link appendChunk}. */
export type Appended =
  | { readonly outcome: 'appended'; readonly chunk: Chunk }
  /** Nothing was written: the records do not fit an entry together. */
  | { readonly outcome: 'tooLarge'; readonly times: number }
  /** Somebody else has appended records, an earlier attempt perhaps: what is left after that has to be read again. */
  | { readonly outcome: 'overtaken' };

/** More barriers in a row than any finalizer puts while a batch is tried. */
const mostTries = 100;

/** Parts outlive the entry that names them by this, in ms: they are put before it. */
const partsOutliveMs = 86_400_000;

/**
 * Appends records behind the tail as one entry (DESIGN 4.1, steps 2 to 5), with the ids that came first in them. Side
 * output and parts are written before the entry: once it is there, the records are not read again.
 * @param records that come after the tail's, at least one
 * @throws TidemarkError when the log is sealed
 */
export async function appendChunk(
  options: AppendOptions,
  { log, ids }: AppendMemory,
  records: readonly ReadRecord[],
): Promise<Appended> {
  const { pipeline, state, rejects, shardId, now } = options;
  const { sequenceNumber } = log.tail.totals;
  let prepared: { readonly chunk: Chunk; readonly content: Content; readonly closedThrough: number } | undefined;
  for (let tries = 0; tries < mostTries; tries++) {
    const { tail } = log;
    const { closedThrough } = tail.totals;
    checkOpen(shardId, tail, records[0]?.record.sequenceNumber);
    if (prepared === undefined || prepared.closedThrough !== closedThrough) {
      const chunk = foldChunk(pipeline, records, tail.totals);
      // Which ids came first follows from the records and the ids alone: C has no part in it.
      const content = preparedContent(options, tail, chunk, ids?.fresh(chunk.judged), records.length);
      if ('tooLargeTimes' in content) return { outcome: 'tooLarge', times: content.tooLargeTimes };
      await Promise.all([
        writeSideOutput(rejects, shardId, chunk.side),
        'parts' in content ? state.putAll(content.parts) : undefined,
      ]);
      prepared = { chunk, content, closedThrough };
    }
    const { chunk, content } = prepared;
    const entry = nextEntry(tail, chunk, content.bytes, now());
    if ((await put(options, log, entry, content.attributes)) === 'applied') {
      ids?.committed(entry, chunk.judged);
      return { outcome: 'appended', chunk };
    }
    if (log.tail.totals.sequenceNumber !== sequenceNumber) return { outcome: 'overtaken' };
  }
  throw new Error(`log of shard ${shardId}: position after position was taken, ${mostTries} times`);
}

/** The content of the entry; of a single record in parts, when it is too large for an item. */
function preparedContent(
  { shardId, now, attempt, bounds }: AppendOptions,
  tail: LogEntry,
  chunk: Chunk,
  ids: FreshIds | undefined,
  records: number,
): Content | PartedContent | { readonly tooLargeTimes: number } {
  const nowMs = now();
  const overheadBytes = itemBytes(itemOf(shardId, nextEntry(tail, chunk, 0, nowMs), secondsOf(nowMs)));
  const source = { folds: chunk.folds, ids };
  // The number of its bytes, in digits that are reckoned as 0 above.
  const content = contentOf(source, overheadBytes + 4, bounds);
  if (!('tooLargeTimes' in content) || records > 1) return content;
  return partedContent(shardId, attempt(), source, secondsOf(nowMs + entryLifeMs + partsOutliveMs), bounds);
}

const secondsOf = (ms: number): number => Math.floor(ms / 1000);

/** The entry behind a tail, with totals that follow from it. */
function nextEntry(tail: LogEntry, { added }: Chunk, bytes: number, putAt: number): LogEntry {
  const totals = totalsAfterBatch(tail.totals, { ...added, bytes }, tail.kind === 'batch', putAt);
  return { position: tail.position + 1, kind: 'batch', putAt, totals };
}

/**
 * Puts an entry behind the tail. Afterwards the log is known as far as it goes: behind the entry, or, when the place
 * was taken, behind whatever is there now.
 * @returns 'applied' too when the outcome was unknown, for the call failed or was repeated by the client, and the entry
 * is there
 * @throws the failure of the call when the entry is not there
 */
async function put(
  { state, shardId }: AppendOptions,
  log: FollowedLog,
  entry: LogEntry,
  content: Attributes,
): Promise<WriteOutcome> {
  const { tail } = log;
  let failure: { readonly error: unknown } | undefined;
  try {
    if ((await putEntry(state, shardId, tail, entry, content)) === 'applied') {
      log.take(entry);
      return 'applied';
    }
  } catch (error) {
    failure = { error };
  }
  let there: StoredEntry | undefined;
  try {
    const last = await log.follow();
    there = last?.position === entry.position ? last : last && (await readEntry(state, shardId, entry.position));
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
  if (there !== undefined && isSame(there, entry, content)) return 'applied';
  if (failure !== undefined) throw failure.error;
  return 'refused';
}

/** Whether an entry that was read is the one that was to be put. */
function isSame(there: StoredEntry, entry: LogEntry, content: Attributes): boolean {
  return (
    there.kind === entry.kind &&
    there.position === entry.position &&
    there.putAt === entry.putAt &&
    there.totals.sequenceNumber === entry.totals.sequenceNumber &&
    ['sections', 'ids', 'attempt'].every((name) => isEqual(there.item.attributes[name], content[name]))
  );
}

function isEqual(left: Attribute | undefined, right: Attribute | undefined): boolean {
  return left instanceof Uint8Array && right instanceof Uint8Array ? Buffer.compare(left, right) === 0 : left === right;
}

/** A sealed log takes nothing more. Records at or below its last one are in; one above it cannot be of this shard. */
function checkOpen(shardId: string, { kind, totals }: LogEntry, next: SequenceNumber | undefined): void {
  if (kind === 'seal') throw sealed(shardId, totals, next);
}

function sealed(shardId: string, { sequenceNumber }: LogTotals, next: SequenceNumber | undefined) {
  return argumentError(
    `log of shard ${shardId}`,
    next,
    `lies behind ${sequenceNumber ?? 'the start'}, where the stream had said that the shard was closed and read to its ` +
      'end, and its log was sealed: the stream is another one of this name; deploy the pipeline as another stack ' +
      '(docs/OPERATIONS.md)',
  );
}
