import type { Table } from '../table/table.ts';
import type { LogEntry, StoredEntry } from './entry.ts';
import { checkEpoch, readTail } from './log.ts';
import { joinedTail } from './registration.ts';

/** A log with its known last entry. */
export interface FollowedLog {
  readonly tail: LogEntry;
  /**
   * Reads whether the log has gone on behind the known tail, and takes its last entry as the tail then. It reads that
   * one alone: what a batch has to know of all that others have appended is in its totals. A gap in between, from
   * entries that have expired since this container was last here, is no matter.
   * @returns the last entry; undefined: nothing has come
   */
  follow(): Promise<StoredEntry | undefined>;
  /** Takes the entry that was just put behind the tail as the tail. */
  take(entry: LogEntry): void;
}

/**
 * Begins a log cold: reads its tail, and joins the shard when it has none (DESIGN 4.1).
 * @param nowMs epoch ms
 */
export async function followedLog(state: Table, shardId: string, nowMs: number): Promise<FollowedLog> {
  let tail = withoutContent(await joinedTail(state, shardId, nowMs));
  return {
    get tail() {
      return tail;
    },
    async follow() {
      const last = await readTail(state, shardId, tail.position);
      if (last === undefined) return undefined;
      checkEpoch(shardId, tail, last);
      tail = withoutContent(last);
      return last;
    },
    take(entry) {
      tail = withoutContent(entry);
    },
  };
}

/** An entry may hold 300 KB, and a container remembers the tails of many shards. */
function withoutContent({ position, kind, putAt, totals }: LogEntry): LogEntry {
  return { position, kind, putAt, totals };
}
