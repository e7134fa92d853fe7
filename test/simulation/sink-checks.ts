import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import { type Ledger, queryOf, windowName } from './ledger.ts';
import { checkRows, type FlatRow, idsOfGroups, rowsOfView } from './totals-checks.ts';
import { Violation } from './violation.ts';

/** A row of a target that keeps the newest row of each window and key. */
interface TargetRow {
  readonly revision: number;
  readonly row: FlatRow;
}

/** The contents of a target: by window, its rows by key, and the revisions of the deliveries that took effect. */
export interface SinkTargetModel {
  readonly rows: Map<string, Map<string, TargetRow>>;
  /** The revisions that came, by sink and window. */
  readonly came: Map<string, Set<number>>;
}

/** I14: a delivery is a pane that was visible, unchanged. It is whole or, with mode `update`, has some of its rows. */
export function applyDelivery(ledger: Ledger, sink: Sink, delivery: Delivery): void {
  const name = windowName(delivery.query, delivery);
  const pane = ledger.panes.get(`${name}#${delivery.revision}`);
  if (pane === undefined) throw new Violation('I14', `${sink.name} gets ${delivery.id}, which was never visible`);
  const query = queryOf(ledger, delivery.query);
  const ids = idsOfGroups(query, rowsOfView(delivery));
  if (ids.some((id) => !pane.has(id)) || (sink.mode !== 'update' && ids.length !== pane.size))
    throw new Violation(
      'I14',
      `${sink.name} gets ${delivery.id} with ${ids.join(' ')}, and it was ${[...pane].join(' ')}`,
    );
  if (sink.mode !== 'update') checkRows(ledger, query, `${sink.name}: ${delivery.id}`, rowsOfView(delivery), 'I14');
  if (sink.mode === 'append' && delivery.status !== 'final')
    throw new Violation('I14', `${sink.name} gets ${delivery.id}, which is not final`);
  if (
    sink.mode === 'complete' &&
    !delivery.table?.some((window) => windowName(window.query, window) === name && window.revision >= delivery.revision)
  )
    throw new Violation('I14', `${sink.name} gets ${delivery.id} with a table without it`);
  const key = `${sink.name}#${name}`;
  const rows = ledger.targets.rows.get(key) ?? new Map<string, TargetRow>();
  ledger.targets.rows.set(key, rows);
  for (const row of delivery.rows) {
    const rowKey = JSON.stringify(row.key);
    if ((rows.get(rowKey)?.revision ?? -1) <= delivery.revision)
      rows.set(rowKey, { revision: delivery.revision, row: { ...row.key, ...row.values } });
  }
  ledger.targets.came.set(key, (ledger.targets.came.get(key) ?? new Set()).add(delivery.revision));
}

/** Notes the revision of a window in a write to the outbox of a sink. */
export function noteOutbox(ledger: Ledger, after: Item): void {
  const [, sink = '', query = ''] = after.pk.split('#');
  const name = windowName(query, {
    start: numberOf(after, 'start') ?? Number.NaN,
    end: numberOf(after, 'end') ?? Number.NaN,
  });
  const key = `${sink}#${name}`;
  ledger.outbox.set(key, Math.max(ledger.outbox.get(key) ?? -1, numberOf(after, 'revision') ?? -1));
}

/**
 * I9: whether each sink has, or had, a final window in its outbox; without sinks, whether the window was acknowledged.
 */
export function isPublished({ pipeline, outbox, published, finalRevisions }: Ledger, name: string): boolean {
  const query = name.split('#')[0] ?? '';
  if (pipeline.sinks.length === 0) return published.has(name);
  return pipeline.sinks.every(
    (sink) =>
      !sink.queries.includes(query) || (outbox.get(`${sink.name}#${name}`) ?? -1) >= (finalRevisions.get(name) ?? 0),
  );
}

/**
 * I14: in the end each target has every final window, with the newest of each row, and nothing is left to be delivered.
 */
export function checkTargets(ledger: Ledger, state: readonly Item[]): void {
  for (const sink of ledger.pipeline.sinks)
    for (const [name, final] of ledger.finals) {
      const [query = ''] = name.split('#');
      if (!sink.queries.includes(query)) continue;
      const key = `${sink.name}#${name}`;
      const rows = [...(ledger.targets.rows.get(key)?.values() ?? [])].map(({ row }) => row);
      const ids = idsOfGroups(queryOf(ledger, query), rows);
      const known = new Set(ids);
      if (known.size !== ids.length || known.size !== final.size || ids.some((id) => !final.has(id)))
        throw new Violation(
          'I14',
          `${sink.name} has ${ids.join(' ') || 'nothing'} of ${name}, which is ${[...final].join(' ')}`,
        );
      checkRows(ledger, queryOf(ledger, query), key, rows, 'I14');
      const revision = ledger.finalRevisions.get(name) ?? 0;
      if (sink.mode !== 'update' && !ledger.targets.came.get(key)?.has(revision))
        throw new Violation('I14', `${sink.name} never got revision ${revision} of ${name}, which is final`);
    }
  const left = state.find(({ pk }) => pk.startsWith('outbox#') || pk.startsWith('dead#'));
  if (left !== undefined) throw new Violation('I12', `${left.pk} / ${left.sk} is left`);
}
