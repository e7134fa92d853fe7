import { argumentError } from '../../core/arguments/error.ts';
import { mostUngatheredDays } from '../../core/deployment/settings.ts';
import { isoTime } from '../../core/events/event-time.ts';
import type { LogTotals } from '../../core/log/totals.ts';
import type { Table } from '../table/table.ts';
import { readGathered } from './epoch.ts';
import { entryLifeMs } from './log.ts';

/**
 * The greatest age of an entry that is not gathered, ms: a shard with an older one takes no more records (DESIGN 4.5).
 * Entries expire: what is not gathered by then would be lost, while the stream still keeps what is not taken.
 */
export const mostUngatheredMs = Math.min(mostUngatheredDays * 86_400_000, entryLifeMs / 2);

/**
 * Checks that finalize is not too far behind a shard. The totals of an entry say a lower bound of the oldest one that
 * is not gathered; only when that is too old, how far epochs are gathered is read.
 */
export interface AgeGuard {
  /**
   * @param nowMs epoch ms
   * @returns the age of the oldest entry that is not gathered, in ms: an upper bound where it is below a quarter of
   * {@link mostUngatheredMs}, at which an alarm goes off
   * @throws TidemarkError when that is too old
   */
  check(totals: LogTotals, nowMs: number): Promise<number>;
}

export function ageGuard(state: Table, shardId: string): AgeGuard {
  /** The newest epoch that is known to be gathered. */
  let gathered = 0;
  return {
    async check(totals, nowMs) {
      const ageMs = () => nowMs - (oldestOf(totals, gathered) ?? nowMs);
      if (ageMs() <= mostUngatheredMs / 4) return ageMs();
      gathered = (await readGathered(state)).epoch;
      if (ageMs() <= mostUngatheredMs) return ageMs();
      throw argumentError(
        `log of shard ${shardId}`,
        isoTime(oldestOf(totals, gathered) ?? nowMs),
        'is the time of its oldest entry that is not in any result yet, so it takes no more records, and the stream keeps ' +
          'them for its retention only: see why finalize does not run (tidemark status, docs/OPERATIONS.md)',
      );
    },
  };
}

/** When the oldest entry was put that is not gathered, epoch ms; undefined: all are. */
function oldestOf({ epoch, oldest, freshSince }: LogTotals, gathered: number): number | undefined {
  return gathered >= epoch ? freshSince : (oldest ?? freshSince);
}
