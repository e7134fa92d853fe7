import type { Window } from '../../core/windows/window.ts';
import { positionText } from '../log/entry.ts';
import type { Plan } from '../log/plan.ts';
import { pack, unpack } from '../table/packed-text.ts';
import { type Item, numberOf, type Table, textOf } from '../table/table.ts';

/**
 * A final window that an epoch has emitted: `final` the first time, `corrected` when a later epoch gave it another
 * content.
 */
export interface Emission extends Window {
  readonly status: 'final' | 'corrected';
}

/**
 * The index of what became final, or was corrected, by query and epoch: what feeds read (DESIGN 4.4). An epoch may have
 * several pieces, in the order of their names: the windows that it closed, then those that commands of the operator
 * brought. Together they are whole before `emitted` is raised to the epoch.
 */
const partition = (query: string) => `emissions#${query}`;
const partsPartition = (query: string, piece: string, attempt: string) => `${partition(query)}#${piece}#${attempt}`;

/** How long an epoch stays in the index after it was emitted, at least, in ms: 35 days, as entries do (DESIGN 4.5). */
export const feedLifeMs = 35 * 86_400_000;

/** Windows in an item. Their text is below 400 KB even where it cannot be compressed. */
const windowsAnItem = 8_000;

/** Parts outlive the item that names them by this, in seconds. */
const partsOutlive = 86_400;

/** The name of a piece: those of an epoch sort behind those of the epoch before. */
const pieceName = (epoch: number, part: string) => `${positionText(epoch)}#${part}`;

/** The order of the windows that an epoch closes: by end and start. */
export const inClosingOrder = (left: Window, right: Window): number => left.end - right.end || left.start - right.start;

/** What a piece is put with. */
export interface EmissionPut {
  /** The part of the epoch that it tells of: a text that sorts where the part belongs. */
  readonly part: string;
  /** An id that no other run has: parts of two runs never mix. */
  readonly attempt: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** The part of an epoch that is the windows which it has closed. */
export const closedPart = '0';

/**
 * The part of an epoch that is what commands of the operator have brought, in pieces.
 * @param group of commands, from 0
 * @param after a text that sorts where the piece belongs in the group: the last window before it
 */
export const commandsPart = (group: number, after: string) => `1#${positionText(group)}#${after}`;

/**
 * Puts a piece of the index, if it is absent: whoever emits the epoch again has the same to put. A large one puts its
 * parts first. To be called **before** `emitted` is raised; an epoch without emissions has no piece.
 * @param emissions in the order in which feeds give them
 */
export async function putEmissions(
  state: Table,
  query: string,
  { epoch, closedThrough }: Pick<Plan, 'epoch' | 'closedThrough'>,
  emissions: readonly Emission[],
  { part, attempt, expiresAt }: EmissionPut,
): Promise<void> {
  if (emissions.length === 0) return;
  const name = pieceName(epoch, part);
  const parts = Math.ceil(emissions.length / windowsAnItem);
  if (parts > 1)
    await state.putAll(
      Array.from({ length: parts }, (_, number) => ({
        pk: partsPartition(query, name, attempt),
        sk: positionText(number),
        attributes: {
          windows: packed(emissions.slice(number * windowsAnItem, (number + 1) * windowsAnItem)),
          expiresAt: expiresAt + partsOutlive,
        },
      })),
    );
  await state.put(
    {
      pk: partition(query),
      sk: name,
      attributes: {
        ...(parts > 1 ? { parts, attempt } : { parts: 0, windows: packed(emissions) }),
        ...(Number.isFinite(closedThrough) ? { closed: closedThrough } : {}),
        expiresAt,
      },
    },
    [{ attribute: 'parts', is: 'absent' }],
  );
}

/** About how many bytes the key and the other attributes take. */
const keyBytes = 120;

/** Windows as text: `[start, end]`, and a 1 behind those that were corrected. */
function packed(emissions: readonly Emission[]): string | Uint8Array {
  return pack(
    JSON.stringify(emissions.map(({ start, end, status }) => (status === 'final' ? [start, end] : [start, end, 1]))),
    keyBytes,
  );
}

function emissionsIn(item: Item): readonly Emission[] {
  // Written by packed above and by nobody else.
  const windows = JSON.parse(unpack(item.attributes.windows as string | Uint8Array)) as readonly (readonly number[])[];
  return windows.map(([start = 0, end = 0, isCorrected]) => ({
    start,
    end,
    status: isCorrected === undefined ? 'final' : 'corrected',
  }));
}

/** What one item of the index holds. */
export interface EmissionPiece {
  /** Its place in the order of all pieces of the query: {@link readPieces} goes on from it. */
  readonly place: string;
  readonly emissions: readonly Emission[];
}

/** Items of the index that are read at a time. */
const itemsAtATime = 200;

/** The place of the first piece of an epoch, or of the first one behind it if it has none. */
export const placeOfEpoch = (epoch: number): string => positionText(epoch);

/** Whether a place is in the piece of the windows that its epoch has closed. */
export const isClosedPiece = (place: string): boolean => place.split('#')[1]?.split('|')[0] === closedPart;

/** The epoch of a piece's place. */
export const epochOfPlace = (place: string): number => Number.parseInt(place, 10);

/**
 * The pieces from a place on, that one included, in order.
 * @param through the last epoch: one that the query has emitted, so that all pieces up to it are there
 * @throws Error when a part that a piece names is missing
 */
export async function* readPieces(
  state: Table,
  query: string,
  from: string,
  through: number,
): AsyncGenerator<EmissionPiece> {
  const [name = '', partText] = from.split('|');
  const to = `${positionText(through)}~`;
  // DynamoDB refuses a range that ends before it begins.
  for (let start = name; start <= to; ) {
    const items = await state.query(partition(query), { from: start, to, limit: itemsAtATime });
    for (const item of items) {
      const parts = numberOf(item, 'parts') ?? 0;
      if (parts === 0) yield { place: item.sk, emissions: emissionsIn(item) };
      const first = item.sk === name ? Number(partText ?? 0) : 0;
      for (let part = first; part < parts; part++) {
        const held = await state.get({
          pk: partsPartition(query, item.sk, textOf(item, 'attempt') ?? ''),
          sk: positionText(part),
        });
        if (held === undefined) throw new Error(`emissions ${item.pk} / ${item.sk}: part ${part} is missing`);
        yield { place: `${item.sk}|${positionText(part)}`, emissions: emissionsIn(held) };
      }
    }
    const last = items[itemsAtATime - 1];
    if (last === undefined) return;
    start = `${last.sk}\u0000`;
  }
}

/** A piece without its windows. */
interface PieceHead {
  readonly epoch: number;
  /** C of its epoch, epoch ms. */
  readonly closedThrough: number;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

async function firstPiece(state: Table, query: string, from: number, through: number): Promise<PieceHead | undefined> {
  const range = { from: positionText(from), to: `${positionText(through)}~`, limit: 1 };
  const [item] = await state.query(partition(query), range);
  if (item === undefined) return undefined;
  return {
    epoch: Number(item.sk.slice(0, item.sk.indexOf('#'))),
    closedThrough: numberOf(item, 'closed') ?? Number.NEGATIVE_INFINITY,
    expiresAt: numberOf(item, 'expiresAt') ?? 0,
  };
}

/** A place in the index before which no window starts at or after some time. */
export interface SoughtPlace {
  /** An epoch. */
  readonly epoch: number;
  /** When the last piece before it expires, epoch seconds; undefined: there is none. */
  readonly expiryBefore: number | undefined;
}

/**
 * The first epoch that may have closed a window which starts at or after a time: the first one with pieces whose C is
 * not before it, since C never goes back. It reads as many items as the number of epochs has binary digits.
 * @param from epoch ms
 * @param through the last epoch
 */
export async function seekStart(state: Table, query: string, from: number, through: number): Promise<SoughtPlace> {
  let expiryBefore: number | undefined;
  let low = 1;
  let high = through + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const piece = await firstPiece(state, query, middle, through);
    if (piece === undefined || piece.closedThrough >= from) high = middle;
    else {
      low = piece.epoch + 1;
      expiryBefore = piece.expiresAt;
    }
  }
  return { epoch: low, expiryBefore };
}

/** Items deleted at a time. */
const deletedAtATime = 200;

/** Deletes the index of a query that is gone. Parts, whose names are gone with it, expire. */
export async function deleteEmissions(state: Table, query: string): Promise<void> {
  for (;;) {
    const items = await state.query(partition(query), { limit: deletedAtATime, only: ['parts'] });
    await Promise.all(items.map(({ pk, sk }) => state.delete({ pk, sk })));
    if (items.length < deletedAtATime) return;
  }
}
