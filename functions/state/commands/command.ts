import { isoTime } from '../../core/events/event-time.ts';
import type { Window } from '../../core/windows/window.ts';
import { entryLifeMs } from '../log/log.ts';
import type { CommandEntry, CommandKind, CommandName } from '../log/operator.ts';
import { type Key, numberOf, type Table, type WriteOutcome } from '../table/table.ts';
import { windowText } from '../windows/pane-keys.ts';

/**
 * A command of the operator that is committed: what it stages is whole, and what it has claimed in the side output is
 * its own. It is decided once, by the first put of its item: committed by whoever made it, or void by someone who found
 * its claims after their time (DESIGN 4.3).
 */
export interface Command extends CommandName {
  /** The person who asked for it, for the audit. */
  readonly by: string;
  /** How many windows it stages. */
  readonly windows: number;
}

/** What is known of a command. */
export type CommandState =
  | { readonly status: 'unknown' | 'void' }
  | {
      readonly status: 'committed';
      readonly command: Command;
      /** The position of an entry that names it; undefined: none is known of. */
      readonly entry: number | undefined;
      readonly outcome: CommandOutcome | undefined;
    };

/** What became of a command in its epoch. */
export interface CommandOutcome {
  readonly epoch: number;
  /** Windows that it wrote. */
  readonly written: number;
  /** Windows that stay as they are: of a replay those that are lost, of a backfill those that were final before. */
  readonly left: number;
}

const keyOf = (id: string): Key => ({ pk: `command#${id}`, sk: 'command' });

/** When the items of a command may go, epoch seconds: with its entry. */
export function expiryOf(nowMs: number): number {
  return Math.floor((nowMs + entryLifeMs) / 1000);
}

/**
 * Commits a command, if its claims were not taken away. To be called when all that it stages is there.
 * @param nowMs epoch ms
 */
export function commitCommand(state: Table, command: Command, nowMs: number): Promise<WriteOutcome> {
  const { id, kind, query, by, windows } = command;
  const attributes = { status: 'committed', kind, query, by, windows, at: nowMs, expiresAt: expiryOf(nowMs) };
  return state.put({ ...keyOf(id), attributes }, [{ attribute: 'status', is: 'absent' }]);
}

/** Declares that a command which is not committed never will be, unless it was meanwhile. */
export function voidCommand(state: Table, id: string, nowMs: number): Promise<WriteOutcome> {
  const attributes = { status: 'void', at: nowMs, expiresAt: expiryOf(nowMs) };
  return state.put({ ...keyOf(id), attributes }, [{ attribute: 'status', is: 'absent' }]);
}

/** What is known of a command. */
export async function readCommand(state: Table, id: string): Promise<CommandState> {
  const item = await state.get(keyOf(id));
  if (item === undefined) return { status: 'unknown' };
  const { attributes } = item;
  if (attributes.status === 'void') return { status: 'void' };
  const epoch = numberOf(item, 'epoch');
  return {
    status: 'committed',
    // Written by commitCommand above and by nobody else.
    command: {
      id,
      kind: attributes.kind as CommandKind,
      query: String(attributes.query),
      by: String(attributes.by),
      windows: numberOf(item, 'windows') ?? 0,
    },
    entry: numberOf(item, 'entry'),
    outcome:
      epoch === undefined
        ? undefined
        : { epoch, written: numberOf(item, 'written') ?? 0, left: numberOf(item, 'left') ?? 0 },
  };
}

/** Notes that an entry names a command, so that nobody puts another one. A hint: two entries do no harm. */
export async function noteEntry(state: Table, id: string, position: number): Promise<void> {
  await state.update(keyOf(id), { set: { entry: position } }, [
    { attribute: 'status', is: 'present' },
    { attribute: 'entry', is: 'absent' },
  ]);
}

/**
 * The command that an entry names; undefined: an earlier entry names it too, and counts. The first one that is asked
 * for stays the one that counts, and entries are asked for in their order.
 * @throws Error when the command is gone
 */
export async function commandOfEntry(state: Table, { id, position }: CommandEntry): Promise<Command | undefined> {
  const { outcome } = await state.update(keyOf(id), { set: { counts: position } }, [
    { attribute: 'status', is: 'equal', to: 'committed' },
    { attribute: 'counts', is: 'absent' },
  ]);
  const [item, found] = await Promise.all([
    outcome === 'applied' ? undefined : state.get(keyOf(id)),
    readCommand(state, id),
  ]);
  if (found.status !== 'committed')
    throw new Error(`command ${id} at position ${position} of the operator's log: its item is not there`);
  return item === undefined || numberOf(item, 'counts') === position ? found.command : undefined;
}

/** Notes what became of a command. Conditional: the first note stays. */
export async function noteOutcome(state: Table, id: string, { epoch, written, left }: CommandOutcome): Promise<void> {
  await state.update(keyOf(id), { set: { epoch, written, left } }, [
    { attribute: 'status', is: 'present' },
    { attribute: 'epoch', is: 'absent' },
  ]);
}

const leftKey = (id: string, window: Window): Key => ({ pk: `command#${id}`, sk: `left#${windowText(window)}` });

/** Notes that a command has left a window as it is. Unconditional: the content follows from the key. */
export async function noteLeft(state: Table, id: string, window: Window, nowMs: number): Promise<void> {
  await state.putAll([{ ...leftKey(id, window), attributes: { since: isoTime(nowMs), expiresAt: expiryOf(nowMs) } }]);
}

/** Whether a command has left a window as it is; to be asked when its outcome is noted. */
export async function isLeft(state: Table, id: string, window: Window): Promise<boolean> {
  return (await state.get(leftKey(id, window))) !== undefined;
}
