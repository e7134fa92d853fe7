import type { Query } from '../../core/definition/pipeline.ts';
import { isAfter, type SequenceNumber } from '../../core/events/sequence-number.ts';
import { sectionName } from '../../core/log/section.ts';
import type { StoredSideEvent } from '../items/side-event.ts';
import { sectionsIn } from '../log/entry.ts';
import { readEntry, readTail } from '../log/log.ts';
import type { Table } from '../table/table.ts';

/**
 * What the log says of an event in the side output. `late`: the entry that took its record lists it. `counted`: the
 * entry does not, and an attempt that lost has left it there; or the entry is gone. `undecided`: its record is in no
 * entry yet.
 */
export type LateVerdict = 'late' | 'counted' | 'undecided';

/**
 * The late events that the logs list (DESIGN 4.1, step 3): a replay takes only those. The entry that took a record is
 * found by binary search over the sequence numbers in the running totals, from where the last one was found: events
 * come in the order of their shard.
 */
export interface LateLedger {
  judge(event: StoredSideEvent): Promise<LateVerdict>;
}

/** The knowledge of one shard's log. */
interface KnownLog {
  readonly last: number;
  readonly sequenceNumber: SequenceNumber | undefined;
  /**
   * Sequence numbers by position, of entries that were read; undefined: the entry is gone, or before the first record.
   */
  readonly numbers: Map<number, SequenceNumber | undefined>;
  /** A position whose entry does not hold the records that are asked for yet. */
  before: { readonly position: number; readonly sequenceNumber: SequenceNumber | undefined };
  /** The query's late events of the entry that was found last. */
  listed: { readonly position: number; readonly late: ReadonlySet<number> } | undefined;
}

/** Positions that are remembered of a log. */
const mostNumbers = 4_096;

/** The ledger of a query. It reads each log as far as it goes at the first question, and from then on knows no more. */
export function lateLedger(state: Table, query: Query): LateLedger {
  const name = sectionName(query);
  const logs = new Map<string, Promise<KnownLog | undefined>>();

  async function numberAt(shardId: string, log: KnownLog, position: number): Promise<SequenceNumber | undefined> {
    if (log.numbers.has(position)) return log.numbers.get(position);
    const entry = await readEntry(state, shardId, position);
    if (log.numbers.size >= mostNumbers) log.numbers.clear();
    log.numbers.set(position, entry?.totals.sequenceNumber);
    return entry?.totals.sequenceNumber;
  }

  /** The first position whose totals hold a sequence number. */
  async function positionOf(shardId: string, log: KnownLog, wanted: SequenceNumber): Promise<number> {
    const isBelow = async (position: number) => isAfter(wanted, await numberAt(shardId, log, position));
    let low = isAfter(wanted, log.before.sequenceNumber) ? log.before.position : 0;
    let high = Math.min(low + 1, log.last);
    for (let step = 2; high < log.last && (await isBelow(high)); step *= 2) {
      low = high;
      high = Math.min(high + step, log.last);
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (await isBelow(middle)) low = middle;
      else high = middle;
    }
    log.before = { position: low, sequenceNumber: low === 0 ? undefined : await numberAt(shardId, log, low) };
    return high;
  }

  async function listedAt(shardId: string, log: KnownLog, position: number) {
    if (log.listed?.position === position) return log.listed.late;
    const entry = await readEntry(state, shardId, position);
    const sections = entry === undefined ? [] : await sectionsIn(state, shardId, entry);
    const late = new Set(sections.filter((section) => section.query === name).flatMap((section) => section.late));
    log.listed = { position, late };
    return late;
  }

  return {
    async judge({ shardId, sequenceNumber, position }) {
      let reading = logs.get(shardId);
      if (reading === undefined) {
        reading = knownLog(state, shardId);
        logs.set(shardId, reading);
      }
      const log = await reading;
      if (log === undefined || isAfter(sequenceNumber, log.sequenceNumber)) return 'undecided';
      if (position === undefined) return 'counted';
      const listed = await listedAt(shardId, log, await positionOf(shardId, log, sequenceNumber));
      return listed.has(position) ? 'late' : 'counted';
    },
  };
}

async function knownLog(state: Table, shardId: string): Promise<KnownLog | undefined> {
  const tail = await readTail(state, shardId);
  if (tail === undefined) return undefined;
  return {
    last: tail.position,
    sequenceNumber: tail.totals.sequenceNumber,
    numbers: new Map([[tail.position, tail.totals.sequenceNumber]]),
    before: { position: 0, sequenceNumber: undefined },
    listed: undefined,
  };
}
