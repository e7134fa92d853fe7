import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { Sink } from '../../core/definition/sink.ts';
import { isoTime } from '../../core/events/event-time.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';
import type { PaneOutline } from '../windows/pane.ts';
import { windowText } from '../windows/pane-keys.ts';

/**
 * An item of a sink's outbox: one for each window of which the sink has something to hear. The item names the window
 * and holds none of its content. The pane that is visible at delivery is delivered. A window that gets panes faster
 * than the sink takes them is delivered with the newest one, and is never in the outbox twice. Each sink and query has
 * a partition, ordered by the moment at which windows close. A window that fails holds up its own query at one sink and
 * no other.
 */
export interface Waiting extends Window {
  readonly sink: string;
  readonly query: string;
  /** The greatest revision that was put. The delivered pane has this one or a greater. */
  readonly revision: number;
  /** When the window, or its newest revision, was put, epoch ms. */
  readonly putAt: number;
  /** How often a delivery has failed, or has begun without being heard of again. */
  readonly attempts: number;
  /** The time since which deliveries have failed, epoch ms. */
  readonly failingSince: number | undefined;
  /** The window is not tried before this time, epoch ms. */
  readonly notBefore: number | undefined;
  /** The reason for which the last attempt failed. */
  readonly reason: string | undefined;
}

/** A pane, or a correction of a window that was final before. Mode `append` does not send corrections. */
export type Publication = 'pane' | 'correction';

/** The way in which the finalizer tells the sinks. */
export interface Publisher {
  /** Puts a pane into the outboxes of the sinks that are to hear of it. It is durable there when this returns. */
  readonly publish: (pane: PaneOutline, what?: Publication) => Promise<void>;
  /** Sinks whose outbox got a window since the publisher was made. */
  readonly told: ReadonlySet<string>;
}

const waitingPartition = (sink: string, query: string) => `outbox#${sink}#${query}`;
const deadPartition = (sink: string, query: string) => `dead#${sink}#${query}`;

function sortKey(query: Query, window: Window): string {
  return `${isoTime(window.end + query.latenessMs)}#${windowText(window)}`;
}

/**
 * @param served the sinks that have a function here. Nothing is put for others, where it would wait for ever.
 * @param now epoch ms
 */
export function outboxPublisher(
  state: Table,
  pipeline: Pipeline,
  served: ReadonlySet<string>,
  now: () => number,
): Publisher {
  const sinks = pipeline.sinks.filter(({ name }) => served.has(name));
  const told = new Set<string>();
  return {
    told,
    async publish(pane, what = 'pane') {
      const query = pipeline.queries.find(({ name }) => name === pane.query);
      if (query === undefined) return;
      await Promise.all(
        sinks
          .filter((sink) => sink.queries.includes(pane.query) && wants(sink, pane, what))
          .map(async (sink) => {
            await put(state, sink.name, query, pane, now());
            told.add(sink.name);
          }),
      );
    },
  };
}

function wants({ mode }: Sink, { status }: PaneOutline, what: Publication): boolean {
  return mode !== 'append' || (status === 'final' && what === 'pane');
}

/** Puts a window into the outbox. Conditional: the greatest revision stays, with the attempts that were made. */
async function put(
  state: Table,
  sink: string,
  query: Query,
  pane: Window & { readonly revision: number },
  nowMs: number,
): Promise<void> {
  const { start, end, revision } = pane;
  await state.update(
    { pk: waitingPartition(sink, query.name), sk: sortKey(query, pane) },
    { set: { start, end, revision, putAt: nowMs } },
    [{ attribute: 'revision', is: 'absentOrBelow', bound: revision }],
  );
}

/**
 * Windows that wait for a sink, in order.
 * @param after only windows behind this one
 * @param limit at most this many
 */
export async function readWaiting(
  state: Table,
  sink: string,
  query: string,
  limit?: number,
  after?: Waiting,
): Promise<readonly Waiting[]> {
  return read(state, waitingPartition, { sink, query }, limit, after);
}

/**
 * Windows that a sink's dead letters name, in order.
 * @param limit at most this many
 */
export async function readDead(state: Table, sink: string, query: string, limit?: number): Promise<readonly Waiting[]> {
  return read(state, deadPartition, { sink, query }, limit);
}

async function read(
  state: Table,
  partition: (sink: string, query: string) => string,
  { sink, query }: { readonly sink: string; readonly query: string },
  limit?: number,
  after?: Waiting,
): Promise<readonly Waiting[]> {
  const range = {
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { from: `${keyOf(after).sk}\u0000` }),
  };
  const items = await state.query(partition(sink, query), range);
  return items.map((item) => waitingOf(item, sink, query));
}

/** The key of each waiting window. It is kept because a query that is gone has no lateness any more to make it from. */
const keys = new WeakMap<Waiting, string>();

function keyOf(waiting: Waiting): Key {
  const sk = keys.get(waiting);
  if (sk === undefined) throw new Error(`window ${waiting.query} ${windowText(waiting)}: not read from an outbox`);
  return { pk: waitingPartition(waiting.sink, waiting.query), sk };
}

function waitingOf(item: Item, sink: string, query: string): Waiting {
  const field = (name: string) => numberOf(item, name) ?? 0;
  const waiting: Waiting = {
    sink,
    query,
    start: field('start'),
    end: field('end'),
    revision: field('revision'),
    putAt: field('putAt'),
    attempts: field('attempts'),
    failingSince: numberOf(item, 'failingSince'),
    notBefore: numberOf(item, 'notBefore'),
    reason: textOf(item, 'reason'),
  };
  keys.set(waiting, item.sk);
  return waiting;
}

/**
 * Takes a delivered window out of the outbox, unless a newer pane of it was put meanwhile. Conditional on the revision
 * that was read.
 */
export async function takeOut(state: Table, waiting: Waiting): Promise<void> {
  await state.delete(keyOf(waiting), [{ attribute: 'revision', is: 'equal', to: waiting.revision }]);
}

/** The state of a waiting window after an attempt. Times are epoch ms. */
export interface Attempted {
  readonly attempts: number;
  readonly failingSince: number;
  readonly notBefore: number;
  readonly reason: string;
}

/**
 * Notes a failed attempt, or one that begins. Conditional on the revision that was read. A window with a newer pane is
 * tried anew, and noted then.
 */
export async function noteAttempt(state: Table, waiting: Waiting, attempted: Attempted): Promise<void> {
  await state.update(keyOf(waiting), { set: { ...attempted } }, [
    { attribute: 'revision', is: 'equal', to: waiting.revision },
  ]);
}

/**
 * Puts a window that cannot be delivered to the dead letters, **then** takes it out of the outbox. A crash between them
 * leaves it in both and loses nothing. Idempotent: the letter's content names the window, and the newest failure stays.
 */
export async function giveUp(
  state: Table,
  waiting: Waiting,
  { attempts, failingSince, reason }: Attempted,
  nowMs: number,
): Promise<void> {
  const { start, end, revision } = waiting;
  const { sk } = keyOf(waiting);
  const letter = { start, end, revision, putAt: nowMs, attempts, failingSince, reason };
  await state.update({ pk: deadPartition(waiting.sink, waiting.query), sk }, { set: letter });
  await takeOut(state, waiting);
}

/**
 * Puts a dead letter's window into the outbox anew, **then** removes the letter. Conditional as every put. The letter
 * is removed only if it is as it was read.
 */
export async function redriveLetter(state: Table, letter: Waiting, nowMs: number): Promise<void> {
  const { start, end, revision } = letter;
  const { pk, sk } = keyOf(letter);
  const unknown: readonly { readonly attribute: string; readonly is: 'absentOrBelow'; readonly bound: number }[] = [
    { attribute: 'revision', is: 'absentOrBelow', bound: revision },
  ];
  const put = await state.update({ pk, sk }, { set: { start, end, revision, putAt: nowMs } }, unknown);
  // The window waits already, after a crash or with a newer pane. It is tried from the beginning all the same.
  if (put.outcome === 'refused')
    await state.update({ pk, sk }, { set: { attempts: 0, notBefore: 0 } }, [{ attribute: 'revision', is: 'present' }]);
  await state.delete({ pk: deadPartition(letter.sink, letter.query), sk }, [
    { attribute: 'revision', is: 'equal', to: revision },
  ]);
}
