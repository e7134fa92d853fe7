import { type Item, numberOf } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import { type FlatRow, rowsIn } from './totals-checks.ts';

/**
 * The rows of a pane, in its manifest or in the parts that it names, lane by lane; undefined when some of these parts
 * are missing.
 * @param window its partition and sort key as one text; those of the manifest unless told
 */
export function rowsOfPane(
  windows: ItemStore,
  manifest: Item,
  window = `${manifest.pk}#${manifest.sk}`,
): readonly FlatRow[] | undefined {
  const own = rowsIn(manifest.attributes['rows']);
  const parts = numberOf(manifest, 'parts');
  if (parts === undefined) return own;
  const lanes = numberOf(manifest, 'lanes') ?? 0;
  const ids = String(manifest.attributes['laneIds']).split(',');
  const items = ids.flatMap((id, lane) => {
    const prefix = `${numberOf(manifest, 'revision')}#${id}#`;
    const partition = `${window}#${lanes}.${lane === lanes ? 'totals' : lane}#parts`;
    return id === '' ? [] : windows.query(partition, { from: prefix, to: `${prefix}~` });
  });
  return items.length === parts ? [...own, ...items.flatMap((item) => rowsIn(item.attributes['rows']))] : undefined;
}
