import { eachFirst, type FirstOccurrence } from '../../core/log/first-occurrences.ts';
import type { Table } from '../table/table.ts';
import { idsIn } from './entry.ts';
import { readGathered } from './epoch.ts';
import { eachIdSegment } from './id-segment.ts';
import { LogGap, readEntries } from './log.ts';
import { type Plan, readPlan } from './plan.ts';
import type { LastOfLog } from './registration.ts';

/** How far the ids of all logs are in segments. */
export interface GatheredIds {
  /** The newest epoch that is gathered; 0: none is. */
  readonly epoch: number;
  /** Of that epoch: where each log goes on. */
  readonly plan: Plan | undefined;
}

/** How far ids are gathered. @throws when the plan that says it is gone */
export async function gatheredIds(state: Table): Promise<GatheredIds> {
  const { epoch } = await readGathered(state);
  const plan = await readPlan(state, epoch);
  if (epoch > 0 && plan === undefined) throw new Error(`epoch ${epoch} is gathered and has no plan`);
  return { epoch, plan };
}

/** A reading of the ids of one log. */
export interface IdReading {
  readonly state: Table;
  readonly shardId: string;
  /** What lies before it need not be visited, epoch ms. */
  readonly fromMs: number;
  /** May get an id more than once, and ids of entries that were put after the end of the log was read. */
  readonly visit: (first: FirstOccurrence) => void;
}

/**
 * Reads the ids of a log from a moment on: segments of what is gathered, and the entries behind that. Strongly
 * consistent. Ids behind the end that is given may be among them, when it was read before `gathered`: the place behind
 * it is taken then.
 * @param last the end of the log
 */
export async function readIdsOfLog(
  reading: IdReading,
  { epoch, plan }: GatheredIds,
  { kind, position, totals }: LastOfLog,
): Promise<void> {
  const { state, shardId, fromMs, visit } = reading;
  if (epoch > 0)
    await eachIdSegment(state, shardId, { from: 1, to: epoch }, fromMs, ({ data }) => eachFirst(data, visit));
  // A log is sealed when all of it is gathered.
  if (position === undefined || (kind === 'seal' && totals.epoch <= epoch)) return;
  // A log that the plan does not have was registered after it: all of it is behind.
  const first = (plan?.logs[shardId]?.[1] ?? 0) + 1;
  if ((await readIdsBehind(reading, first, position)) === 'gone')
    throw new Error(`log of shard ${shardId}: entries from ${first} to ${position}, not gathered, are gone`);
}

/** Entries read at a time. */
const entriesAtATime = 64;

/**
 * Reads the ids of some entries, first and last inclusive, from the last one back to the moment.
 * @returns 'gone' when entries are missing
 */
export async function readIdsBehind(
  { state, shardId, fromMs, visit }: IdReading,
  first: number,
  last: number,
): Promise<'whole' | 'gone'> {
  try {
    for (let to = last; to >= first; to -= entriesAtATime) {
      const entries = await readEntries(state, shardId, Math.max(first, to - entriesAtATime + 1), to);
      const ofEntries = await Promise.all(entries.map((entry) => idsIn(state, shardId, entry)));
      for (const { data } of ofEntries.flat()) eachFirst(data, visit);
      // The clock never goes back: what is before it lies before the moment.
      const clockMs = entries[0]?.totals.arrivalClock;
      if (clockMs === undefined || clockMs < fromMs) break;
    }
    return 'whole';
  } catch (error) {
    if (!(error instanceof LogGap)) throw error;
    return 'gone';
  }
}
