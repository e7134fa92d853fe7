import { grouped } from '../../core/definition/grouped.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { laneOf } from '../../core/log/lane.ts';
import {
  closeSessions,
  closingOf,
  type KeyedPartial,
  type SessionWindow,
  sessionWindows,
} from '../../core/sessions/join.ts';
import type { Table } from '../table/table.ts';
import {
  type Carried,
  type CarriedItem,
  expireCarried,
  readCarried,
  sessionPartitions,
  writeCarried,
} from './carried-sessions.ts';

/**
 * Takes the closing of one epoch of a session query, from what was open after the epoch before
 * (docs/GUARANTEES.md, "Sessions").
 */
export interface SessionCloser {
  /**
   * The windows that are final at C of the epoch.
   * @param parts what the epoch has gathered
   */
  close(closedThrough: number, parts: Iterable<KeyedPartial>): Promise<readonly SessionWindow[]>;
  /** Writes what is open after the epoch, where it is not as it was; **before** `emitted` is raised to it. */
  carry(): Promise<void>;
  /** Gives what a carry has replaced its expiry, epoch seconds; **after** `emitted` was raised to the epoch. */
  forget(expiresAtSeconds: number): Promise<void>;
}

export interface SessionCloserOptions {
  readonly state: Table;
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
}

/** The open sessions of one partition, by key. */
interface OpenPartition {
  readonly number: number;
  readonly open: Map<KeyText, readonly KeyedPartial[]>;
  /** The least closing of them. */
  nextClosing: number;
  /** Something came or went since they were read. */
  touched: boolean;
  item: CarriedItem | undefined;
}

export function sessionCloser({ state, limit }: SessionCloserOptions, query: Query, epoch: number): SessionCloser {
  let reading: Promise<readonly OpenPartition[]> | undefined;
  let replaced: CarriedItem[] = [];

  async function read(): Promise<readonly OpenPartition[]> {
    const numbers = Array.from({ length: sessionPartitions }, (_, number) => number);
    const found = await Promise.all(numbers.map((number) => limit(() => readCarried(state, query, number, epoch - 1))));
    replaced.push(...found.flatMap(({ left }) => left));
    return found.map((carried, number) => openPartition(query, number, carried));
  }

  return {
    async close(closedThrough, parts) {
      reading ??= read();
      const partsOf = grouped(parts, ([key]) => laneOf(key, sessionPartitions));
      const closed = (await reading).flatMap((partition) =>
        closePartition(query, partition, partsOf.get(partition.number) ?? [], closedThrough),
      );
      return sessionWindows(query, closed);
    },
    async carry() {
      const touched = ((await reading) ?? []).filter((partition) => partition.touched);
      await Promise.all(
        touched.map(async (partition) => {
          const written = await limit(() =>
            writeCarried(state, query, partition.number, epoch, [...partition.open.values()].flat()),
          );
          if (partition.item !== undefined) replaced.push(partition.item);
          partition.item = written;
          partition.touched = false;
        }),
      );
    },
    async forget(expiresAtSeconds) {
      const items = replaced;
      replaced = [];
      await Promise.all(items.map((item) => limit(() => expireCarried(state, item, expiresAtSeconds))));
    },
  };
}

function openPartition(query: Query, number: number, { sessions, item }: Carried): OpenPartition {
  const open = grouped(sessions, ([key]) => key);
  return { number, open, nextClosing: leastClosing(query, sessions), touched: false, item };
}

/** One closing of a partition: only the keys that have records in it, or a session that closes, are looked at. */
function closePartition(
  query: Query,
  partition: OpenPartition,
  parts: readonly KeyedPartial[],
  closing: number,
): readonly KeyedPartial[] {
  if (parts.length === 0 && partition.nextClosing > closing) return [];
  const { open } = partition;
  const keys = new Set(parts.map(([key]) => key));
  const closes = partition.nextClosing <= closing;
  if (closes)
    for (const [key, ofKey] of open)
      if (ofKey.some(([, partial]) => closingOf(query, partial) <= closing)) keys.add(key);
  const step = closeSessions(
    query,
    [...keys].flatMap((key) => open.get(key) ?? []),
    parts,
    closing,
  );
  for (const key of keys) open.delete(key);
  for (const [key, ofKey] of grouped(step.open, ([name]) => name)) open.set(key, ofKey);
  const left = closes ? [...open.values()].flat() : step.open;
  partition.nextClosing = Math.min(
    closes ? Number.POSITIVE_INFINITY : partition.nextClosing,
    leastClosing(query, left),
  );
  partition.touched = true;
  return step.closed;
}

function leastClosing(query: Query, sessions: readonly KeyedPartial[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const [, partial] of sessions) least = Math.min(least, closingOf(query, partial));
  return least;
}
