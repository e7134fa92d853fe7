import { packed, unpacked } from '../table/packed-text.ts';
import { type Item, type Key, numberOf, type Table } from '../table/table.ts';

/** The expiry of a published version's rows until they are superseded: the year 9999, in epoch seconds. */
const never = 253_402_300_799;
/** How long rows are kept whose version is not published yet, in ms. Their uploader may have died. */
const uploadMs = 24 * 3_600_000;

const partitionOf = (table: string, version: string): string => `lookup#${table}#${version}`;
const keyOf = (table: string, version: string, part: number): Key => ({
  pk: partitionOf(table, version),
  sk: String(part).padStart(6, '0'),
});

/** A version of a table, by name. */
export interface VersionName {
  readonly table: string;
  readonly id: string;
}

/**
 * Keeps a part of a version's rows. Conditional on there being none. The content of a part follows from its name, which
 * has the hash of all rows and the moment of one upload. A call that is sent again after the version was published must
 * not give its rows an expiry.
 */
export async function writePart(
  state: Table,
  { table, id }: VersionName,
  part: number,
  rows: readonly object[],
  nowMs: number,
): Promise<void> {
  const expiresAt = Math.ceil((nowMs + uploadMs) / 1000);
  await state.update(
    keyOf(table, id, part),
    { set: { rows: packed(JSON.stringify(rows)), count: rows.length, expiresAt } },
    [{ attribute: 'count', is: 'absent' }],
  );
}

/**
 * The rows of a version.
 * @returns undefined when they are not all there: they are gone, or not there yet
 */
export async function readRows(
  state: Table,
  { table, id }: VersionName,
  parts: number,
): Promise<readonly object[] | undefined> {
  const items = await state.query(partitionOf(table, id));
  return items.length === parts ? items.flatMap(rowsOf) : undefined;
}

/** The rows of the parts from one on, up to a number of parts. */
export async function readParts(
  state: Table,
  { table, id }: VersionName,
  from: number,
  most: number,
): Promise<readonly (readonly object[])[]> {
  const items = await state.query(partitionOf(table, id), { from: keyOf(table, id, from).sk, limit: most });
  return items.map(rowsOf);
}

function rowsOf(item: Item): readonly object[] {
  const text = unpacked(item.attributes.rows);
  if (text === undefined) throw new Error(`item ${item.pk} / ${item.sk}: holds no rows`);
  // Written by writePart and by nobody else.
  return JSON.parse(text) as readonly object[];
}

/**
 * Sets until when rows are kept. Conditional on their being there.
 * @param untilMs epoch ms; undefined: for as long as the version is not superseded
 * @returns whether all were there
 */
export async function keepRows(
  state: Table,
  { table, id }: VersionName,
  parts: number,
  untilMs: number | undefined,
): Promise<boolean> {
  const expiresAt = untilMs === undefined ? never : Math.ceil(untilMs / 1000);
  const outcomes = await Promise.all(
    Array.from({ length: parts }, (_, part) =>
      state.update(keyOf(table, id, part), { set: { expiresAt } }, [{ attribute: 'count', is: 'present' }]),
    ),
  );
  return outcomes.every(({ outcome }) => outcome === 'applied');
}

/** Whether the rows of a version have an expiry, because the version was superseded. */
export async function hasExpiry(state: Table, { table, id }: VersionName, parts: number): Promise<boolean> {
  const items = await state.query(partitionOf(table, id), { only: ['expiresAt'] });
  return items.length < parts || items.every((item) => numberOf(item, 'expiresAt') !== never);
}
