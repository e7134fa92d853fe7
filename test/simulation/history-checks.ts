import type { Query } from '../../functions/core/definition/pipeline.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import { type Ledger, queryOf, windowName } from './ledger.ts';
import { rowsOfPane } from './pane-rows.ts';
import { idsOfGroups } from './totals-checks.ts';
import { Violation } from './violation.ts';

const suffix = '#revisions';

/** I6: a kept pane is as it was visible, whole, unless so many others have followed that it is no longer kept. */
export function checkKept(ledger: Ledger, windows: ItemStore, kept: Item): void {
  const window = kept.pk.slice(0, -suffix.length);
  const [pk = '', sk = ''] = window.split('#');
  const query = queryOf(ledger, pk);
  const revision = numberOf(kept, 'revision') ?? Number.NaN;
  const name = paneName(query.name, kept, revision);
  const visible = ledger.panes.get(name);
  if (visible === undefined || Number(kept.sk) !== revision)
    throw new Violation('I6', `${name} is kept, and was never visible`);
  const rows = rowsOfPane(windows, kept, window);
  const manifest = windows.get({ pk, sk });
  const last = (manifest && numberOf(manifest, 'revision')) ?? 0;
  // A run that is behind has kept it once more. Its parts may be gone, and readers leave it out.
  if (rows === undefined && revision < last - query.history) return;
  const ids = rows && idsOfGroups(query, rows);
  if (ids?.length !== visible.size || ids.some((id) => !visible.has(id)))
    throw new Violation('I6', `${name} is kept other than it was visible`);
}

/** Notes a pane that becomes visible. I6: by then, as many earlier panes as the query says are kept, whole. */
export function checkHistory(
  ledger: Ledger,
  windows: ItemStore,
  query: Query,
  before: Item | undefined,
  after: Item,
  ids: ReadonlySet<string>,
): void {
  const revision = numberOf(after, 'revision') ?? 0;
  ledger.panes.set(paneName(query.name, after, revision), ids);
  if (before === after) return;
  for (let earlier = Math.max(0, revision - query.history); earlier < revision; earlier++) {
    const kept = windows.get({ pk: `${after.pk}#${after.sk}${suffix}`, sk: String(earlier).padStart(9, '0') });
    if (kept === undefined)
      throw new Violation(
        'I6',
        `${paneName(query.name, after, revision)} is visible, and revision ${earlier} is not kept`,
      );
    if (rowsOfPane(windows, kept, `${after.pk}#${after.sk}`) === undefined)
      throw new Violation(
        'I6',
        `${paneName(query.name, after, revision)} is visible, and of revision ${earlier} parts are missing`,
      );
  }
}

function paneName(query: string, manifest: Item, revision: number): string {
  return `${windowName(query, { start: numberOf(manifest, 'start') ?? Number.NaN, end: numberOf(manifest, 'end') ?? Number.NaN })}#${revision}`;
}
