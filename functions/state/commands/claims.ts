import type { Query } from '../../core/definition/pipeline.ts';
import type { EmittedWindow, Window } from '../../core/windows/window.ts';
import type { Claim, Settled, StoredSideEvent } from '../items/side-event.ts';
import { claim, readSideEvent, release, settle } from '../items/side-mark.ts';
import { readEmittedOf } from '../log/epoch.ts';
import { epochOfCommand, putCommand } from '../log/operator.ts';
import type { Table } from '../table/table.ts';
import { windowText } from '../windows/pane-keys.ts';
import { type CommandState, isLeft, noteEntry, readCommand, voidCommand } from './command.ts';
import { isStaged } from './staged.ts';

/** What claims are made with. */
export interface ClaimOptions {
  readonly state: Table;
  readonly rejects: Table;
  /** Epoch ms. */
  readonly now: () => number;
  readonly remainingMs: () => number;
  /** Has finalize elect an epoch when a command waits for one, and emit what is gathered. */
  readonly advance: () => Promise<void>;
}

/**
 * What stands behind the claim of a late event. `free`: nobody has it. `busy`: somebody is at work on it. `taken`: it
 * belongs to a command that counts, and its mark is yet to be made.
 */
export type ClaimStanding = 'free' | 'busy' | 'taken';

/** How long a claimant is given to commit, in ms, if its run lasts as long. Afterwards its claims may be taken over. */
const claimMs = 60_000;

/** No epoch is asked for with less time than this, in ms. */
const reserveMs = 8_000;

/** The claims of late events by commands, and their end (DESIGN 4.3). */
export interface Claims {
  /**
   * What stands behind the claim of an event. A command that did not commit in its time is declared void: then the
   * event is free, and the commit will be refused.
   */
  lookAt(event: StoredSideEvent): Promise<ClaimStanding>;
  /**
   * Claims free events for a command.
   * @param forMs how long it may take until the command is committed. @default as long as this run lasts, at most a
   * minute
   * @returns those that it got
   */
  claimAll<E extends { readonly event: StoredSideEvent }>(
    id: string,
    events: readonly E[],
    forMs?: number,
  ): Promise<readonly E[]>;
  /**
   * Brings a taken event to its end, if there is time: its command is entered and emitted, and its mark is made.
   * @returns the event as it is then; undefined: there was no time, or it is gone
   */
  finish(query: Query, event: StoredSideEvent): Promise<StoredSideEvent | undefined>;
  /** Sees to it that an entry names a command that is committed. @returns the position of one */
  enter(id: string): Promise<number>;
  /**
   * Waits until the panes of a command's query are out for its epoch.
   * @returns the epoch; undefined: there was no time for it
   */
  emitted(query: Query, position: number): Promise<number | undefined>;
  /**
   * Marks an event of a command whose panes are out: settled when all its windows hold it now, let go otherwise.
   * @returns whether it is settled by this call
   */
  resolve(query: Query, event: StoredSideEvent, id: string): Promise<boolean>;
}

export function createClaims({ state, rejects, now, remainingMs, advance }: ClaimOptions): Claims {
  /** Commands whose outcome is known: they do not change any more. */
  const known = new Map<string, CommandState>();
  const committed = new Set<string>();
  const lookups = new Map<string, Promise<boolean>>();

  async function commandState(id: string): Promise<CommandState> {
    const held = known.get(id);
    if (held !== undefined) return held;
    const found = await readCommand(state, id);
    if (found.status === 'void' || (found.status === 'committed' && found.outcome !== undefined)) known.set(id, found);
    return found;
  }

  /** Whether a window holds what a command whose outcome is known was to bring to it. */
  function holds(id: string, window: Window): Promise<boolean> {
    const name = `${id} ${windowText(window)}`;
    const asked =
      lookups.get(name) ??
      Promise.all([isStaged(state, id, window), isLeft(state, id, window)]).then(([staged, left]) => staged && !left);
    lookups.set(name, asked);
    return asked;
  }

  const claims: Claims = {
    async finish(query, event) {
      if (event.claim === undefined) return event;
      const { id } = event.claim;
      if ((await claims.emitted(query, await claims.enter(id))) === undefined) return undefined;
      await claims.resolve(query, event, id);
      return readSideEvent(rejects, event);
    },
    async lookAt({ claim: held }) {
      if (held === undefined || held.until === 0) return 'free';
      if (committed.has(held.id)) return 'taken';
      let { status } = await commandState(held.id);
      if (status === 'unknown') {
        if (now() < held.until) return 'busy';
        await voidCommand(state, held.id, now());
        ({ status } = await commandState(held.id));
      }
      if (status === 'committed') committed.add(held.id);
      return status === 'committed' ? 'taken' : 'free';
    },
    async claimAll(id, events, forMs = Math.min(claimMs, Math.max(remainingMs(), 1))) {
      const held: Claim = { id, until: now() + forMs };
      const outcomes = await Promise.all(events.map(({ event }) => claim(rejects, event, held)));
      return events.filter((_, i) => outcomes[i] === 'applied');
    },
    async enter(id) {
      const found = await commandState(id);
      if (found.status !== 'committed') throw new Error(`command ${id} is not committed`);
      if (found.entry !== undefined) return found.entry;
      const position = await putCommand(state, found.command, now());
      await noteEntry(state, id, position);
      return position;
    },
    async emitted({ name }, position) {
      let failure: unknown;
      for (;;) {
        const epoch = await epochOfCommand(state, position);
        if (epoch !== undefined && (await readEmittedOf(state, name)).epoch >= epoch) return epoch;
        if (failure !== undefined) throw failure;
        if (remainingMs() < reserveMs) return undefined;
        // A query that cannot be emitted is no matter of this one, whose panes may be out.
        await advance().catch((error: unknown) => {
          failure = error;
        });
      }
    },
    async resolve(query, event, id) {
      const found = await commandState(id);
      if (found.status !== 'committed' || found.outcome === undefined) return false;
      const { command, outcome } = found;
      const settled: Settled = command.kind === 'replay' ? 'replayed' : 'backfilled';
      // A replay that has left nothing has put all its events into all their windows.
      const isWhole = command.kind === 'replay' && outcome.left === 0;
      const missed = isWhole ? [] : missedWindows(query, event);
      const held = await Promise.all(missed.map((window) => holds(id, window)));
      if (held.every((one) => one)) return (await settle(rejects, event, settled, now(), id)) === 'applied';
      const inside = missed.filter((_, i) => held[i]).map(windowText);
      await release(rejects, event, id, [...event.inside, ...inside]);
      return false;
    },
  };
  return claims;
}

/** The windows that a late event has missed and is not in yet. */
export function missedWindows(query: Query, { eventTime, inside }: StoredSideEvent): readonly EmittedWindow[] {
  const windows = windowsAt(query, eventTime ?? Number.NaN);
  if (inside.length === 0) return windows;
  const held = new Set(inside);
  return windows.filter((window) => !held.has(windowText(window)));
}

/** The windows of a query that hold an event time. */
export function windowsAt({ definedKind: kind, from }: Query, time: number): readonly EmittedWindow[] {
  if (!Number.isFinite(time)) return [];
  return kind.closings(kind.sliceOf(time)).flatMap((end) => kind.emit(end).filter(({ start }) => start >= from));
}
