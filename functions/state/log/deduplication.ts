import type { Dedup } from '../../core/definition/pipeline.ts';
import { streamRetentionHours } from '../../core/deployment/settings.ts';
import { createIdSet, type IdSet } from '../../core/events/id-set.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { AcceptedEvent } from '../../core/fold/read-event.ts';
import type { ShardProgress } from '../../core/log/totals.ts';
import type { Table } from '../table/table.ts';
import { appendIds, type FirstOccurrence, readIds } from './id-log.ts';

/**
 * The ids of one shard within the horizon, in memory, as the log has them up to the shard's committed progress. What is
 * judged follows from the shard's records alone, whoever judges and in whatever chunks.
 */
export interface Deduplication {
  /**
   * Takes in what the log has gained up to a progress that was just read: everything within the horizon after a cold
   * start.
   */
  follow(progress: IdProgress): Promise<void>;
  /** Judges the next event of the shard, in the order of its records. */
  isDuplicate(read: AcceptedEvent, arrivalMs: number): boolean;
  /**
   * Appends the first occurrences since the last commit to the log. Has to be done before the progress is committed:
   * once it is, the records are not read again.
   * @param last the last record that is to be committed
   * @param through what was judged up to it. @default everything
   */
  append(last: SequenceNumber, through?: Judged): Promise<void>;
  /**
   * The progress that is now committed: what was judged up to it holds.
   * @param through as {@link Deduplication.append} was given it
   */
  committed(progress: IdProgress, through?: Judged): void;
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

/** The progress of a shard, as far as its ids follow it. */
export type IdProgress = Pick<ShardProgress, 'sequenceNumber' | 'arrivalClock'>;

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
  /** The arrival clock of an ancestor, epoch ms; undefined: it had no event with an id. */
  readonly clockOf: (shardId: string) => Promise<number | undefined>;
}

/**
 * How long a log item outlives its horizon, in ms: as long as the stream keeps the records that may have to be judged
 * by it, and two days, as pages do (DESIGN 4.2, step 3 e).
 */
const keptAfterHorizonMs = (streamRetentionHours + 48) * 3_600_000;

export function deduplication({ dedup, state, shardId, ancestors, clockOf }: DeduplicationOptions): Deduplication {
  let ids: IdSet = createIdSet(dedup.withinMs);
  /** The commit that `ids` follows the log to; undefined before the first load. */
  let base: { readonly sequenceNumber: SequenceNumber | undefined; readonly clockMs: number | undefined } | undefined;
  /** The first occurrences judged since that commit; undefined: nothing was judged since. */
  let judged: FirstOccurrence[] | undefined;

  const take = ({ id, atMs }: FirstOccurrence) => ids.note(id, atMs);
  /** First occurrences that were judged before those. */
  let firstsBefore = 0;
  const all = (): Judged => ({ firsts: firstsBefore + (judged?.length ?? 0), clockMs: ids.clockMs });
  const forget = () => {
    firstsBefore += judged?.length ?? 0;
    judged = undefined;
  };

  async function load({ sequenceNumber, arrivalClock }: IdProgress): Promise<void> {
    ids = createIdSet(dedup.withinMs);
    const earlier = await ancestors();
    const clockMs = arrivalClock ?? greatest(await Promise.all(earlier.map(clockOf)));
    if (clockMs === undefined) return;
    ids.advance(clockMs);
    const fromMs = clockMs - dedup.withinMs;
    for (const shard of earlier) await readIds(state, shard, fromMs, 'whole', take);
    if (sequenceNumber !== undefined) await readIds(state, shardId, fromMs, sequenceNumber, take);
  }

  return {
    async follow(progress) {
      const { sequenceNumber, arrivalClock } = progress;
      // The ids that were judged and then not committed are in `ids`. There they would make their own records
      // duplicates when these are judged again.
      const known = judged === undefined ? base : undefined;
      if (known !== undefined && known.sequenceNumber === sequenceNumber) return;
      base = undefined;
      if (known?.clockMs === undefined || sequenceNumber === undefined || arrivalClock === undefined)
        await load(progress);
      else {
        ids.advance(arrivalClock);
        await readIds(state, shardId, Math.max(known.clockMs, arrivalClock - dedup.withinMs), sequenceNumber, take);
      }
      base = { sequenceNumber, clockMs: ids.clockMs };
      forget();
    },
    isDuplicate({ id }, arrivalMs) {
      if (id === undefined) return false;
      judged ??= [];
      if (ids.judge(id, arrivalMs) === 'duplicate') return true;
      judged.push({ id, atMs: ids.clockMs ?? arrivalMs });
      return false;
    },
    async append(last, { firsts, clockMs } = all()) {
      const ofChunk = judged?.slice(0, firsts - firstsBefore) ?? [];
      if (ofChunk.length === 0 || clockMs === undefined) return;
      const entry = { after: base?.sequenceNumber, last, clockMs, firsts: ofChunk };
      await appendIds(state, shardId, entry, dedup.withinMs + keptAfterHorizonMs);
    },
    committed({ sequenceNumber }, { firsts, clockMs } = all()) {
      base = { sequenceNumber, clockMs };
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
