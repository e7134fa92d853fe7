import type { Query } from '../../functions/core/definition/pipeline.ts';
import type { Attribute } from '../../functions/state/table/table.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import type { Kinds } from './kinds.ts';
import type { Ledger } from './ledger.ts';
import { type Invariant, Violation } from './violation.ts';

/** A row as stored and as readers have it, with its fields and its results side by side. */
export type FlatRow = Readonly<Record<string, unknown>>;

/** The rows of a window or a part of one. */
export function rowsIn(rows: Attribute | undefined): readonly FlatRow[] {
  return Array.isArray(rows) ? (rows as readonly FlatRow[]) : [];
}

/** The rows of a window as readers and sinks have it. */
export function rowsOfView({ rows }: Pick<WindowView, 'rows'>): readonly FlatRow[] {
  return rows.map(({ key, values }) => ({ ...key, ...values }));
}

/** The ids in rows of groups. Ids in totals are in one of these rows too. */
export function idsOfGroups({ groupBy }: Pick<Query, 'groupBy'>, rows: readonly FlatRow[]): readonly string[] {
  return rows.filter((row) => groupBy.every((name) => Object.hasOwn(row, name))).flatMap(idsIn);
}

function idsIn(row: FlatRow): readonly string[] {
  return (row['ids'] as { readonly ids?: readonly string[] } | undefined)?.ids ?? [];
}

/** The fields that each level of a grouping keeps, as ROLLUP and CUBE do in SQL. */
function levelsOf(grouping: Kinds['grouping'], fields: readonly string[]): readonly (readonly string[])[] {
  if (grouping === 'plain') return [fields];
  if (grouping === 'rollup') return [fields, ...fields.map((_, i) => fields.slice(0, i))];
  return Array.from({ length: 2 ** fields.length }, (_, bits) => fields.filter((_field, i) => (bits & (1 << i)) !== 0));
}

/**
 * I4: each group and each total of a window holds all events of its key, once. There is a row for each key that has
 * events.
 */
export function checkRows(
  ledger: Ledger,
  query: Query,
  name: string,
  rows: readonly FlatRow[],
  invariant: Invariant,
): void {
  const expected = new Map<string, string[]>();
  for (const id of idsOfGroups(query, rows)) {
    const event = ledger.events.get(id) as FlatRow | undefined;
    for (const level of levelsOf(query.totals.length === 0 ? 'plain' : ledger.options.grouping, query.groupBy)) {
      const key = keyText(query, Object.fromEntries(level.map((field) => [field, event?.[field]])));
      const ids = expected.get(key) ?? [];
      expected.set(key, ids);
      ids.push(id);
    }
  }
  // A window without events has the one row of a query with one group: the identity.
  if (expected.size === 0 && query.mostEmpty > 0) expected.set(keyText(query, {}), []);
  for (const row of rows) {
    const key = keyText(query, row);
    const ids = expected.get(key)?.sort().join(' ');
    if (ids === undefined) throw new Violation(invariant, `${name} has a row ${key} that no event is for, or twice`);
    expected.delete(key);
    if (ids !== [...idsIn(row)].sort().join(' '))
      throw new Violation(invariant, `${name} has in ${key} ${idsIn(row).join(' ')} and not ${ids}`);
    if (row['count'] !== idsIn(row).length)
      throw new Violation(
        invariant,
        `${name} counts ${String(row['count'])} in ${key}, which holds ${idsIn(row).length}`,
      );
  }
  if (expected.size > 0) throw new Violation(invariant, `${name} has no row ${[...expected.keys()].join(', ')}`);
}

function keyText({ groupBy }: Query, row: FlatRow): string {
  return JSON.stringify(groupBy.filter((field) => Object.hasOwn(row, field)).map((field) => [field, row[field]]));
}
