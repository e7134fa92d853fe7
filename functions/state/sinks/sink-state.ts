import { createHash } from 'node:crypto';
import type { Json } from '../../core/aggregates/index.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Key, numberOf, type Table, textOf } from '../table/table.ts';
import { windowText } from '../windows/pane-keys.ts';

/**
 * The state that a sink's function keeps besides its outbox: whose turn it is, how much the sink has delivered, and
 * which rows it sent last.
 */
export interface SinkState {
  /** Panes that were delivered by runs that came to their end. */
  readonly delivered: number;
  /** Epoch ms; undefined: never. */
  readonly lastDeliveredAt: number | undefined;
}

const stateKey = (sink: string): Key => ({ pk: `sink#${sink}`, sk: 'sink' });

/**
 * Takes a sink's turn until a moment, unless another run has it. Two runs at a time would deliver a query's panes out
 * of order. Conditional on the turn before being over, by the clocks of the runs that take turns. Order is kept where
 * clocks and time-outs keep to their bounds. Nothing but order relies on the turn.
 * @returns undefined when another run has the turn
 */
export async function takeTurn(
  state: Table,
  sink: string,
  run: string,
  nowMs: number,
  untilMs: number,
): Promise<SinkState | undefined> {
  const taken = await state.update(stateKey(sink), { set: { run, until: untilMs } }, [
    { attribute: 'until', is: 'absentOrBelow', bound: nowMs },
  ]);
  if (taken.outcome === 'refused') return undefined;
  return {
    delivered: numberOf(taken.item, 'delivered') ?? 0,
    lastDeliveredAt: numberOf(taken.item, 'lastDeliveredAt'),
  };
}

/** Ends a turn and notes its deliveries. Conditional on the turn still being the run's own. */
export async function endTurn(
  state: Table,
  sink: string,
  run: string,
  { delivered, lastDeliveredAt }: SinkState,
): Promise<void> {
  const last = lastDeliveredAt === undefined ? {} : { lastDeliveredAt };
  await state.update(stateKey(sink), { set: { until: 0, delivered, ...last } }, [
    { attribute: 'run', is: 'equal', to: run },
  ]);
}

/** The deliveries of a sink so far, and its last one. */
export async function readSinkState(
  state: Table,
  sink: string,
): Promise<SinkState & { readonly run: string | undefined }> {
  const item = await state.get(stateKey(sink));
  if (item === undefined) return { delivered: 0, lastDeliveredAt: undefined, run: undefined };
  return {
    delivered: numberOf(item, 'delivered') ?? 0,
    lastDeliveredAt: numberOf(item, 'lastDeliveredAt'),
    run: textOf(item, 'run'),
  };
}

/** The last delivery of a window by a sink of mode `update`: the pane's revision, and its rows by their hashes. */
export interface Sent {
  readonly revision: number;
  /** Undefined: the rows are too many to be remembered, and all of them count as changed. */
  readonly rows: ReadonlySet<string> | undefined;
}

/** Bytes of a row's hash. Among 40,000 rows of a window, two have the same one with probability 2^-33. */
const hashBytes = 8;

/** Rows for which an item of 400 KB has room. */
const mostRows = 40_000;

const sentKey = (sink: string, query: string, window: Window): Key => ({
  pk: `sent#${sink}#${query}`,
  sk: windowText(window),
});

/** The last delivery of a window; undefined when there was none, or it is forgotten. */
export async function readSent(state: Table, sink: string, query: string, window: Window): Promise<Sent | undefined> {
  const item = await state.get(sentKey(sink, query, window));
  if (item === undefined) return undefined;
  const { hashes } = item.attributes;
  const revision = numberOf(item, 'revision') ?? -1;
  if (!(hashes instanceof Uint8Array)) return { revision, rows: undefined };
  const text = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength).toString('latin1');
  return {
    revision,
    rows: new Set(
      Array.from({ length: text.length / hashBytes }, (_, i) => text.slice(i * hashBytes, (i + 1) * hashBytes)),
    ),
  };
}

/**
 * Remembers the rows that were sent, **after** they were acknowledged. Conditional: a newer pane's rows stay.
 * @param expiresAt epoch seconds
 */
export async function noteSent(
  state: Table,
  sink: string,
  pane: Window & { readonly query: string; readonly revision: number; readonly rows: readonly Row[] },
  expiresAt: number,
): Promise<void> {
  const { query, revision, rows } = pane;
  const hashes = rows.length > mostRows ? null : new Uint8Array(Buffer.from(rows.map(rowHash).join(''), 'latin1'));
  await state.update(sentKey(sink, query, pane), { set: { revision, hashes, expiresAt } }, [
    { attribute: 'revision', is: 'absentOrBelow', bound: revision },
  ]);
}

/**
 * The hash of a row's key and values. It does not depend on the order in which a table returns the members of its maps.
 */
export function rowHash(row: Row): string {
  return createHash('sha256')
    .update(canonical({ key: row.key, values: row.values }))
    .digest()
    .subarray(0, hashBytes)
    .toString('latin1');
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value as Readonly<Record<string, Json>>).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
