import type { Dedup } from '../../core/definition/pipeline.ts';
import { streamRetentionHours } from '../../core/deployment/settings.ts';
import { createIdSet, type IdSet } from '../../core/events/id-set.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { AcceptedEvent } from '../../core/fold/read-event.ts';
import type { FirstOccurrence } from '../../core/log/first-occurrences.ts';
import type { Table } from '../table/table.ts';
import type { FreshIds } from './content.ts';
import type { LogEntry } from './entry.ts';
import { gatheredIds, readIdsBehind, readIdsOfLog } from './read-ids.ts';
import { type LastOfLog, lastOfLog } from './registration.ts';

/**
 * The ids of one shard within the horizon, in memory, as the log has them up to an entry. What is judged follows from
 * the shard's records alone, whoever judges and in whatever chunks. The ids that a batch added are in its entry; what
 * epochs have gathered is in segments (DESIGN 4.3, "Deduplication").
 */
export interface Deduplication {
  /**
   * Takes in what the log has gained up to its tail, which was just read: everything within the horizon after a cold
   * start.
   */
  follow(tail: LogEntry): Promise<void>;
  /** Judges the next event of the shard, in the order of its records. */
  isDuplicate(read: AcceptedEvent, arrivalMs: number): boolean;
  /**
   * The first occurrences since the last entry, for the next one; undefined: there are none.
   * @param through what was judged up to it. @default everything
   */
  fresh(through?: Judged): FreshIds | undefined;
  /**
   * The entry was put: what was judged up to it holds.
   * @param through as {@link Deduplication.fresh} was given it
   */
  committed(entry: LogEntry, through?: Judged): void;
  /** The place behind the last event that was judged. */
  readonly judged: Judged;
  /** How many ids are in memory, at 24 to 48 bytes each. */
  readonly size: number;
  /**
   * The shard's arrival clock: the greatest arrival of an event with an id so far, epoch ms; undefined before the
   * first.
   */
  readonly clockMs: number | undefined;
}

/** A place among the events that were judged. */
export interface Judged {
  /** How many first occurrences were judged before it, since the memory began. */
  readonly firsts: number;
  /** The shard's arrival clock at it, epoch ms. */
  readonly clockMs: number | undefined;
}

export interface DeduplicationOptions {
  readonly dedup: Dedup;
  readonly state: Table;
  readonly shardId: string;
  /** The shards from which this one was split or merged, and theirs in turn, as far as the stream still has them. */
  readonly ancestors: () => Promise<readonly string[]>;
}

/**
 * How long ids outlive their horizon, in ms: as long as the stream keeps the records that may have to be judged by
 * them, and two days (DESIGN 4.3).
 */
const keptAfterHorizonMs = (streamRetentionHours + 48) * 3_600_000;

/** A warm container that is at most so many entries behind reads those alone, ids or not. */
const mostEntriesBehind = 64;

/** How far the log is in the memory. */
interface Base {
  readonly position: number;
  readonly sequenceNumber: SequenceNumber | undefined;
  readonly clockMs: number | undefined;
}

export function deduplication({ dedup, state, shardId, ancestors }: DeduplicationOptions): Deduplication {
  let ids: IdSet = createIdSet(dedup.withinMs);
  /** The entry that `ids` follows the log to; undefined before the first load. */
  let base: Base | undefined;
  /** The first occurrences judged since that entry; undefined: nothing was judged since. */
  let judged: FirstOccurrence[] | undefined;

  const take = ({ id, atMs }: FirstOccurrence) => ids.note(id, atMs);
  /** First occurrences that were judged before those. */
  let firstsBefore = 0;
  const all = (): Judged => ({ firsts: firstsBefore + (judged?.length ?? 0), clockMs: ids.clockMs });
  const forget = () => {
    firstsBefore += judged?.length ?? 0;
    judged = undefined;
  };

  async function load(tail: LogEntry): Promise<void> {
    ids = createIdSet(dedup.withinMs);
    const earlier = await ancestors();
    // Before the ends of the ancestors (DESIGN 4.4). The tail of the shard itself is older: epochs may have gathered
    // beyond it, and then the place behind it is taken, and what is judged does not get in.
    const gathered = await gatheredIds(state);
    const lasts = await Promise.all(earlier.map((shard) => lastOfLog(state, shard)));
    const clockMs = tail.totals.arrivalClock ?? greatest(lasts.map((last) => last?.totals.arrivalClock));
    if (clockMs === undefined) return;
    ids.advance(clockMs);
    const fromMs = clockMs - dedup.withinMs;
    const logs: readonly (readonly [shard: string, last: LastOfLog | undefined])[] = [
      ...earlier.map((shard, i) => [shard, lasts[i]] as const),
      [shardId, tail],
    ];
    for (const [shard, last] of logs)
      if (last !== undefined) await readIdsOfLog({ state, shardId: shard, fromMs, visit: take }, gathered, last);
  }

  /** Takes in what a log that is in the memory up to an entry has gained. */
  async function gain(tail: LogEntry, known: Base, fromMs: number): Promise<void> {
    const reading = { state, shardId, fromMs, visit: take };
    const isNear = tail.position - known.position <= mostEntriesBehind;
    if (isNear && (await readIdsBehind(reading, known.position + 1, tail.position)) === 'whole') return;
    await readIdsOfLog(reading, await gatheredIds(state), tail);
  }

  return {
    async follow(tail) {
      const { position, totals } = tail;
      const { sequenceNumber, arrivalClock } = totals;
      // The ids that were judged and then not committed are in `ids`. There they would make their own records
      // duplicates when these are judged again.
      const known = judged === undefined ? base : undefined;
      base = undefined;
      if (known !== undefined && known.sequenceNumber === sequenceNumber) {
        // Barriers at most: no records came in.
        base = { ...known, position };
        return;
      }
      if (known?.clockMs === undefined || sequenceNumber === undefined || arrivalClock === undefined) await load(tail);
      else {
        ids.advance(arrivalClock);
        await gain(tail, known, Math.max(known.clockMs, arrivalClock - dedup.withinMs));
      }
      base = { position, sequenceNumber, clockMs: ids.clockMs };
      forget();
    },
    isDuplicate({ id }, arrivalMs) {
      if (id === undefined) return false;
      judged ??= [];
      if (ids.judge(id, arrivalMs) === 'duplicate') return true;
      judged.push({ id, atMs: ids.clockMs ?? arrivalMs });
      return false;
    },
    fresh({ firsts, clockMs } = all()) {
      const ofChunk = judged?.slice(0, firsts - firstsBefore) ?? [];
      if (ofChunk.length === 0 || clockMs === undefined) return undefined;
      return { firsts: ofChunk, until: Math.ceil((clockMs + dedup.withinMs + keptAfterHorizonMs) / 1000) };
    },
    committed({ position, totals: { sequenceNumber } }, { firsts, clockMs } = all()) {
      base = { position, sequenceNumber, clockMs };
      const end = all();
      if (firsts === end.firsts && clockMs === end.clockMs) forget();
      else {
        // What lies beyond is judged and in `ids`, and not committed yet.
        judged = judged?.slice(firsts - firstsBefore);
        firstsBefore = firsts;
      }
    },
    get judged() {
      return all();
    },
    get size() {
      return ids.size;
    },
    get clockMs() {
      return ids.clockMs;
    },
  };
}

function greatest(moments: readonly (number | undefined)[]): number | undefined {
  return moments.reduce(
    (latest, moment) => (moment === undefined ? latest : Math.max(latest ?? moment, moment)),
    undefined,
  );
}
