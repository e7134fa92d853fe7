import type { Dedup } from '../../core/definition/pipeline.ts';
import { streamRetentionHours } from '../../core/deployment/settings.ts';
import { createIdSet, type IdSet } from '../../core/events/id-set.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { AcceptedEvent } from '../../core/fold/read-event.ts';
import { readProgress, type ShardProgress } from '../items/progress.ts';
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
  follow(progress: ShardProgress): Promise<void>;
  /** Judges the next event of the shard, in the order of its records. */
  isDuplicate(read: AcceptedEvent, arrivalMs: number): boolean;
  /**
   * Appends the first occurrences since the last commit to the log. Has to be done before the progress is committed:
   * once it is, the records are not read again.
   */
  append(last: SequenceNumber): Promise<void>;
  /** The progress that is now committed: what was judged up to it holds. */
  committed(progress: ShardProgress): void;
  /** How many ids are in memory, at 24 to 48 bytes each. */
  readonly size: number;
  /**
   * The shard's arrival clock: the greatest arrival of an event with an id so far, epoch ms; undefined before the
   * first.
   */
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
 * How long a log item outlives its horizon, in ms: as long as the stream keeps the records that may have to be judged
 * by it, and two days, as pages do (DESIGN 4.2, step 3 e).
 */
const keptAfterHorizonMs = (streamRetentionHours + 48) * 3_600_000;

export function deduplication({ dedup, state, shardId, ancestors }: DeduplicationOptions): Deduplication {
  let ids: IdSet = createIdSet(dedup.withinMs);
  /** The commit that `ids` follows the log to; undefined before the first load. */
  let base: { readonly sequenceNumber: SequenceNumber | undefined; readonly clockMs: number | undefined } | undefined;
  /** The first occurrences judged since that commit; undefined: nothing was judged since. */
  let judged: FirstOccurrence[] | undefined;

  const take = ({ id, atMs }: FirstOccurrence) => ids.note(id, atMs);

  async function load({ sequenceNumber, arrivalClock }: ShardProgress): Promise<void> {
    ids = createIdSet(dedup.withinMs);
    const earlier = await ancestors();
    const clockMs =
      arrivalClock ??
      greatest(await Promise.all(earlier.map(async (shard) => (await readProgress(state, shard)).arrivalClock)));
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
      judged = undefined;
    },
    isDuplicate({ id }, arrivalMs) {
      if (id === undefined) return false;
      judged ??= [];
      if (ids.judge(id, arrivalMs) === 'duplicate') return true;
      judged.push({ id, atMs: ids.clockMs ?? arrivalMs });
      return false;
    },
    async append(last) {
      const { clockMs } = ids;
      if (judged === undefined || judged.length === 0 || clockMs === undefined) return;
      await appendIds(
        state,
        shardId,
        { after: base?.sequenceNumber, last, clockMs, firsts: judged },
        dedup.withinMs + keptAfterHorizonMs,
      );
    },
    committed({ sequenceNumber }) {
      base = { sequenceNumber, clockMs: ids.clockMs };
      judged = undefined;
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
