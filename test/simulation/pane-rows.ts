import { type Item, numberOf } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import { type FlatRow, rowsIn } from './totals-checks.ts';

/**
 * The rows of a pane, in its manifest or in the parts that it names; undefined when some of these parts are missing.
 * @param window its partition and sort key as one text
 */
export function rowsOfPane(windows: ItemStore, manifest: Item, window: string): readonly FlatRow[] | undefined {
  const own = rowsIn(manifest.attributes['rows']);
  const parts = numberOf(manifest, 'parts');
  if (parts === undefined) return own;
  const prefix = `${numberOf(manifest, 'revision')}#${String(manifest.attributes['attempt'])}#`;
  const items = windows.query(`${window}#parts`, { from: prefix, to: `${prefix}~` });
  return items.length === parts ? [...own, ...items.flatMap((item) => rowsIn(item.attributes['rows']))] : undefined;
}
