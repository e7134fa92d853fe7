import type { Table } from '../table/table.ts';
import type { LogEntry, StoredEntry } from './entry.ts';
import { checkEpoch, LogGap, readEntries } from './log.ts';
import { joinedTail } from './registration.ts';

/** A log with its known last entry. */
export interface FollowedLog {
  readonly tail: LogEntry;
  /**
   * Reads forward from the known tail, without gaps.
   * @returns the entries that came in since. None are told of when a gap made it begin cold.
   */
  follow(): Promise<readonly StoredEntry[]>;
  /** Takes the entry that was just put behind the tail as the tail. */
  take(entry: LogEntry): void;
}

/** Times that a log is begun cold in a row, because what lies behind its known tail has a gap. */
const mostColdBegins = 3;

/**
 * Begins a log cold: reads its tail, and joins the shard when it has none (DESIGN 4.1).
 * @param now epoch ms
 */
export async function followedLog(state: Table, shardId: string, now: () => number): Promise<FollowedLog> {
  let tail = withoutContent(await joinedTail(state, shardId, now()));
  let coldBegins = 0;
  return {
    get tail() {
      return tail;
    },
    async follow() {
      try {
        const entries = await readEntries(state, shardId, tail.position + 1);
        const [first] = entries;
        const last = entries[entries.length - 1];
        if (first !== undefined) checkEpoch(shardId, tail, first);
        if (last !== undefined) tail = withoutContent(last);
        coldBegins = 0;
        return entries;
      } catch (error) {
        if (!(error instanceof LogGap) || coldBegins >= mostColdBegins) throw error;
        coldBegins++;
        tail = withoutContent(await joinedTail(state, shardId, now()));
        return [];
      }
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
