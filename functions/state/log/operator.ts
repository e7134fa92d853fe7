import { numberOf, type Table, textOf } from '../table/table.ts';
import { entryOf, type LogEntry, logPartition, type StoredEntry } from './entry.ts';
import { putEntry, readEntries, readTail } from './log.ts';
import { joinedTail } from './registration.ts';

/**
 * The operator's log (DESIGN 4.3): what an operator asks for that changes results, in the order in which it counts. It
 * is registered, joined and cut as the log of a shard is, and holds no records. No shard has such a name.
 */
export const operatorLog = '@operator';

/** Whether a registered log is that of a shard, and not the operator's. */
export function isShard(name: string): boolean {
  return name !== operatorLog;
}

/** What a command does with the windows of its query. */
export type CommandKind = 'replay' | 'backfill' | 'remove';

/** What an entry of the operator's log says of its command. All else is in the command's own items (command.ts). */
export interface CommandName {
  readonly id: string;
  readonly kind: CommandKind;
  /** The query's name. */
  readonly query: string;
}

/** A command in the operator's log. */
export interface CommandEntry extends CommandName {
  readonly position: number;
  /** Epoch ms. */
  readonly putAt: number;
}

/** More losses of a place than any number of operators causes. Beyond it, something is broken. */
const mostTries = 1_000;

/**
 * Puts a command into the operator's log, which is begun if there is none. It may be put twice, by someone who does not
 * know of the first entry: of two entries with one id the first one counts.
 * @param nowMs epoch ms
 * @returns its position
 */
export async function putCommand(state: Table, { id, kind, query }: CommandName, nowMs: number): Promise<number> {
  let tail = await joinedTail(state, operatorLog, nowMs);
  // Before the entry, which is of a later epoch then. The first note stays.
  await state.put({ ...firstKey(query), attributes: { epoch: tail.totals.epoch } }, [
    { attribute: 'epoch', is: 'absent' },
  ]);
  for (let tries = 0; tries < mostTries; tries++) {
    const { position, totals } = tail;
    const entry: LogEntry = {
      position: position + 1,
      kind: 'command',
      putAt: nowMs,
      totals: { ...totals, bytes: 0, freshSince: totals.freshSince ?? nowMs },
    };
    if ((await putEntry(state, operatorLog, tail, entry, { id, command: kind, query })) === 'applied')
      return entry.position;
    tail = (await readTail(state, operatorLog, position)) ?? tail;
  }
  throw new Error(`the operator's log: position after position was taken, ${mostTries} times`);
}

/** The commands at some positions of the operator's log, both inclusive, in their order. */
export async function readCommands(state: Table, first: number, last: number): Promise<readonly CommandEntry[]> {
  return (await readEntries(state, operatorLog, first, last)).flatMap(commandOf);
}

/**
 * The commands among the last entries of the operator's log, the newest first, for people: a gap of entries that have
 * expired does not matter.
 * @param most how many entries are looked at: commands and the barriers of epochs
 */
export async function readLatestCommands(state: Table, most: number): Promise<readonly CommandEntry[]> {
  const items = await state.query(logPartition(operatorLog), { order: 'descending', limit: most });
  return items.map(entryOf).flatMap(commandOf);
}

function commandOf({ position, kind, putAt, item }: StoredEntry): readonly CommandEntry[] {
  if (kind !== 'command') return [];
  const [id, query] = [textOf(item, 'id'), textOf(item, 'query')];
  if (id === undefined || query === undefined) throw new Error(`log entry ${item.pk} / ${item.sk}: not a command`);
  // Written by putCommand above and by nobody else.
  return [{ position, putAt, id, kind: textOf(item, 'command') as CommandKind, query }];
}

/** Entries read at a time. */
const entriesAtATime = 64;

/** The epoch that holds a position of the operator's log: that of the first barrier behind it; undefined: none yet. */
export async function epochOfCommand(state: Table, position: number): Promise<number | undefined> {
  for (let from = position + 1; ; from += entriesAtATime) {
    const tail = await readTail(state, operatorLog, from - 1);
    if (tail === undefined) return undefined;
    const to = Math.min(tail.position, from + entriesAtATime - 1);
    const barrier = (await readEntries(state, operatorLog, from, to)).find(({ kind }) => kind === 'barrier');
    if (barrier !== undefined) return barrier.totals.epoch;
    if (to === tail.position) return undefined;
  }
}

const firstKey = (query: string) => ({ pk: 'commanded', sk: query });

/** Forgets that a query had commands, when it is removed. */
export async function deleteFirstCommand(state: Table, query: string): Promise<void> {
  await state.delete(firstKey(query));
}

/**
 * An epoch before all that hold a command for a query; undefined: there is no command. It is asked of a query that has
 * emitted nothing yet: one that its history alone fills has no segments to begin with.
 */
export async function epochBeforeCommands(state: Table, query: string): Promise<number | undefined> {
  const item = await state.get(firstKey(query));
  return item === undefined ? undefined : numberOf(item, 'epoch');
}
