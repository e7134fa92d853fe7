import { createHash } from 'node:crypto';
import type { Json } from '../../core/aggregates/index.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import { type Key, numberOf, type Table, textOf } from '../table/table.ts';
import { windowText } from '../windows/pane-keys.ts';

/**
 * What a sink's function keeps besides its outbox: whose turn it is, how much it has delivered, and what rows it sent
 * last.
 */
export interface SinkState {
  /** Panes that were delivered, by runs that came to their end. */
  readonly delivered: number;
  /** Epoch ms; undefined: never. */
  readonly lastDeliveredAt: number | undefined;
}

const stateKey = (sink: string): Key => ({ pk: `sink#${sink}`, sk: 'sink' });

/**
 * Takes a sink's turn until a moment, unless another run has it: two runs at a time would deliver a query's panes out
 * of order. Conditional on the turn before being over, by the clocks of those who take it; it keeps order where clocks
 * and time-outs keep to their bounds, and nothing but order relies on it.
 * @returns undefined when it is another's turn
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

/** Ends a turn and notes what came of it. Conditional on still being the run's own. */
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

/** What a sink has delivered. */
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

/** What a sink of mode `update` sent last of a window: the pane's revision, and its rows by their hashes. */
export interface Sent {
  readonly revision: number;
  /** Undefined: too many to be remembered, so that all rows count as changed. */
  readonly rows: ReadonlySet<string> | undefined;
}

/** Bytes of a row's hash: among 40,000 rows of a window, two have the same one with probability 2^-33. */
const hashBytes = 8;

/** Rows that an item of 400 KB has place for. */
const mostRows = 40_000;

const sentKey = (sink: string, query: string, window: Window): Key => ({
  pk: `sent#${sink}#${query}`,
  sk: windowText(window),
});

/** What was sent last; undefined when nothing was, or it is forgotten. */
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
 * Remembers what was sent, **after** it was acknowledged. Conditional: a newer pane's rows stay.
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

/** Of a row's key and values, whatever the order in which a table gives back the members of its maps. */
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
