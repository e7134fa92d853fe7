import { type Item, numberOf, type Table, type WriteOutcome } from '../table/table.ts';
import { positionText } from './entry.ts';

/** An epoch: one turn of finalize. */
export interface Epoch {
  /** 1, 2, 3, ...; 0 before the first. */
  readonly epoch: number;
  /** C, "closed through", epoch ms; minus infinity: nothing is closed. It never goes back. */
  readonly closedThrough: number;
  /** When it was elected, epoch ms. */
  readonly electedAt: number;
}

/** Before the first epoch. */
const noEpoch: Epoch = {
  epoch: 0,
  closedThrough: Number.NEGATIVE_INFINITY,
  electedAt: Number.NEGATIVE_INFINITY,
};

const partition = 'epochs';

/** The newest epoch that was elected. */
export async function readNewestEpoch(state: Table): Promise<Epoch> {
  const [item] = await state.query(partition, { order: 'descending', limit: 1 });
  return item === undefined ? noEpoch : epochOf(item);
}

/** Some epochs, `from` and `to` inclusive, ascending. @throws when one of them is missing */
export async function readEpochs(state: Table, from: number, to: number): Promise<readonly Epoch[]> {
  if (from > to) return [];
  const epochs = (await state.query(partition, { from: positionText(from), to: positionText(to) })).map(epochOf);
  if (epochs.length !== to - from + 1) throw new Error(`epochs ${from} to ${to}: only ${epochs.length} are there`);
  return epochs;
}

/** The first epoch from a number on that is still there. */
export async function readEpochFrom(state: Table, from: number): Promise<Epoch | undefined> {
  const [item] = await state.query(partition, { from: positionText(from), limit: 1 });
  return item && epochOf(item);
}

/** Elects an epoch: put if nobody has. The first one stays. */
export function electEpoch(state: Table, { epoch, closedThrough, electedAt }: Epoch): Promise<WriteOutcome> {
  const closed = Number.isFinite(closedThrough) ? { closed: closedThrough } : {};
  return state.put({ pk: partition, sk: positionText(epoch), attributes: { at: electedAt, ...closed } }, [
    { attribute: 'at', is: 'absent' },
  ]);
}

function epochOf(item: Item): Epoch {
  return {
    epoch: Number(item.sk),
    closedThrough: numberOf(item, 'closed') ?? Number.NEGATIVE_INFINITY,
    electedAt: numberOf(item, 'at') ?? Number.NaN,
  };
}

/** How far epochs are through: an epoch and its C. Both only grow. */
export interface EpochPlace {
  readonly epoch: number;
  readonly closedThrough: number;
}

const noPlace: EpochPlace = { epoch: 0, closedThrough: Number.NEGATIVE_INFINITY };

const gatheredKey = { pk: 'gathered', sk: 'gathered' };
const emittedPartition = 'emitted';

/** How far epochs are in segments. */
export async function readGathered(state: Table): Promise<EpochPlace> {
  const item = await state.get(gatheredKey);
  return item === undefined ? noPlace : placeOf(item);
}

/** Raises {@link readGathered}; it never goes back. */
export function raiseGathered(state: Table, place: EpochPlace): Promise<void> {
  return raise(state, gatheredKey, place);
}

/** How far the panes of each query are out, by its name. A query that is not in it has emitted nothing yet. */
export async function readEmitted(state: Table): Promise<ReadonlyMap<string, EmittedPlace>> {
  return new Map((await state.query(emittedPartition)).map((item) => [item.sk, emittedOf(item)]));
}

/** How far the panes of one query are out. */
export async function readEmittedOf(state: Table, query: string): Promise<EmittedPlace> {
  const item = await state.get({ pk: emittedPartition, sk: query });
  return item === undefined ? noPlaceOf : emittedOf(item);
}

/** How far the panes of a query are out, and when its open windows are to be looked at again. */
export interface EmittedPlace extends EpochPlace {
  /** When the next pane of an open window is due that holds something new, epoch ms; undefined: none is. */
  readonly nextPaneAt: number | undefined;
  /**
   * The last closing of any slice in which the query had something, epoch ms; minus infinity: it had nothing. While it
   * is after C, a window of the query that holds something is open.
   */
  readonly lastClosing: number;
  /** The clock of its plan, epoch ms; minus infinity before the first. */
  readonly at: number;
  /** Since when the index of emissions is kept, epoch ms; undefined: it is not. It expires from its beginning on. */
  readonly indexedSince: number | undefined;
  /** About how many bytes of text the largest window of the last epoch with any is; undefined: not known. */
  readonly windowBytes: number | undefined;
}

const noPlaceOf: EmittedPlace = {
  ...noPlace,
  nextPaneAt: undefined,
  lastClosing: Number.NEGATIVE_INFINITY,
  at: Number.NEGATIVE_INFINITY,
  indexedSince: undefined,
  windowBytes: undefined,
};

/** Raises {@link readEmitted}; it never goes back. */
export function raiseEmitted(
  state: Table,
  query: string,
  { nextPaneAt, lastClosing, at, indexedSince, windowBytes, ...place }: EmittedPlace,
): Promise<void> {
  return raise(state, { pk: emittedPartition, sk: query }, place, {
    nextPaneAt: nextPaneAt ?? null,
    ...(Number.isFinite(lastClosing) ? { last: lastClosing } : {}),
    ...(Number.isFinite(at) ? { at } : {}),
    ...(indexedSince === undefined ? {} : { indexedSince }),
    ...(windowBytes === undefined ? {} : { bytes: Math.ceil(windowBytes) }),
  });
}

/** Forgets how far the panes of a query that is gone are out. */
export async function deleteEmitted(state: Table, query: string): Promise<void> {
  await state.delete({ pk: emittedPartition, sk: query });
}

async function raise(
  state: Table,
  key: { readonly pk: string; readonly sk: string },
  { epoch, closedThrough }: EpochPlace,
  extra: Item['attributes'] = {},
): Promise<void> {
  const closed = Number.isFinite(closedThrough) ? { closed: closedThrough } : {};
  await state.put({ ...key, attributes: { epoch, ...closed, ...extra } }, [
    { attribute: 'epoch', is: 'absentOrBelow', bound: epoch },
  ]);
}

function placeOf(item: Item): EpochPlace {
  return {
    epoch: numberOf(item, 'epoch') ?? 0,
    closedThrough: numberOf(item, 'closed') ?? Number.NEGATIVE_INFINITY,
  };
}

function emittedOf(item: Item): EmittedPlace {
  const next = item.attributes.nextPaneAt;
  return {
    ...placeOf(item),
    nextPaneAt: typeof next === 'number' ? next : undefined,
    lastClosing: numberOf(item, 'last') ?? Number.NEGATIVE_INFINITY,
    at: numberOf(item, 'at') ?? Number.NEGATIVE_INFINITY,
    indexedSince: numberOf(item, 'indexedSince'),
    windowBytes: numberOf(item, 'bytes'),
  };
}
