import type { LookupList, LookupVersion } from '../../core/definition/lookup-table.ts';
import { type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';

const keyOf = (table: string): Key => ({ pk: `lookup#${table}`, sk: 'list' });

/**
 * How far a list is sealed beyond the arrival that asks for it, in ms. A stream that never rests writes the list this
 * often. A version has to begin at least this far ahead.
 */
const sealAheadMs = 5_000;

const empty: LookupList = { versions: [], sealedThrough: Number.NEGATIVE_INFINITY, keptFrom: Number.NEGATIVE_INFINITY };

/**
 * The versions of a table as they are. Another version may still come for records that arrived after `sealedThrough`.
 */
export async function readLookupList(state: Table, table: string): Promise<LookupList> {
  return listOf(await state.get(keyOf(table)));
}

/**
 * The versions of a table, sealed through an arrival: no version that begins at or before the arrival comes after this.
 * The seal and the list are one item. A version is added on the condition that it begins after the seal, so no clock
 * has a part in it. Idempotent: the seal only grows.
 */
export async function sealThrough(state: Table, table: string, arrivalMs: number): Promise<LookupList> {
  for (;;) {
    const list = await readLookupList(state, table);
    if (list.sealedThrough >= arrivalMs) return list;
    const sealedThrough = arrivalMs + sealAheadMs;
    const sealed = await state.update(keyOf(table), { set: { sealedThrough } }, [
      { attribute: 'sealedThrough', is: 'absentOrBelow', bound: sealedThrough },
    ]);
    if (sealed.outcome === 'applied') return listOf(sealed.item);
    // Another call has sealed as far or further.
  }
}

/**
 * Adds a version. Conditional: the list is as it was read, and is sealed to before where the version begins.
 * @param kept the versions that stay in the list, and from when on
 * @returns the list with the version; undefined when the write was refused
 */
export async function addVersion(
  state: Table,
  table: string,
  read: LookupList,
  kept: Pick<LookupList, 'versions' | 'keptFrom'>,
  version: LookupVersion,
): Promise<LookupList | undefined> {
  const newest = read.versions.at(-1);
  const { outcome } = await state.update(
    keyOf(table),
    {
      set: {
        versions: JSON.stringify([...kept.versions, version]),
        newest: version.id,
        ...(Number.isFinite(kept.keptFrom) ? { keptFrom: kept.keptFrom } : {}),
      },
    },
    [
      newest === undefined
        ? { attribute: 'newest', is: 'absent' }
        : { attribute: 'newest', is: 'equal', to: newest.id },
      { attribute: 'sealedThrough', is: 'absentOrBelow', bound: version.from },
    ],
  );
  const after = await readLookupList(state, table);
  // A call that was sent again after it took effect is refused the second time.
  return outcome === 'applied' || after.versions.some(({ id }) => id === version.id) ? after : undefined;
}

function listOf(item: Item | undefined): LookupList {
  if (item === undefined) return empty;
  return {
    // Written by addVersion and by nobody else.
    versions: JSON.parse(textOf(item, 'versions') ?? '[]') as readonly LookupVersion[],
    sealedThrough: numberOf(item, 'sealedThrough') ?? Number.NEGATIVE_INFINITY,
    keptFrom: numberOf(item, 'keptFrom') ?? Number.NEGATIVE_INFINITY,
  };
}
