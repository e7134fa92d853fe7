import { addCounters, isConserved, noEvents } from '../../../functions/core/events/counters.ts';
import { entryOf, type StoredEntry } from '../../../functions/state/log/entry.ts';
import { type Item, numberOf } from '../../../functions/state/table/table.ts';
import type { PaneOutline } from '../../../functions/state/windows/pane.ts';
import type { ItemStore } from '../../../functions/testing/item-store.ts';
import { idsOfRows } from '../ledger.ts';
import { Violation } from '../violation.ts';
import { recordsThrough, type ScaleShard } from './scale-shard.ts';

/**
 * The invariants for tumbling windows whose contents are known beforehand. No check looks at more than the written
 * item.
 */
export interface WindowOracle {
  /** Every write to the state table: I1, I3, I4, I7, I9, I10. */
  checkState(before: Item | undefined, after: Item): void;
  /** Every write to the windows table: I2, I4, I5. */
  checkManifest(before: Item | undefined, after: Item): void;
  /** A sink takes a pane. @param standing its manifest, as it is visible then */
  publish(pane: PaneOutline, standing: Item | undefined): void;
  /**
   * After a drain: I1 over everything, I8 that every window from `first` to `last` (starts) is final.
   */
  checkEnd(state: ItemStore, windows: ItemStore, first: number, last: number): void;
  readonly progress: { readonly closedThrough: number; readonly finalizedThrough: number };
  /**
   * The number of writes of final panes that took effect, and of panes that a sink took. Both are the same unless runs
   * died.
   */
  readonly finals: number;
  readonly published: number;
}

interface OracleOptions {
  readonly windowMs: number;
  readonly idsOfWindow: (start: number) => readonly string[];
  readonly shards: () => readonly ScaleShard[];
}

export function createWindowOracle({ windowMs, idsOfWindow, shards }: OracleOptions): WindowOracle {
  /** Starts of the windows that a sink has acknowledged. */
  const acknowledged = new Set<number>();
  const committed = new Map<
    string,
    { readonly position: number; readonly records: number; readonly maxEventTime: number }
  >();
  let progress = { closedThrough: Number.NEGATIVE_INFINITY, finalizedThrough: Number.NEGATIVE_INFINITY };
  let finals = 0;
  let published = 0;

  /** An epoch that is elected: C never goes back, and no shard that holds W is passed. */
  function checkEpoch(after: Item): void {
    const closedThrough = numberOf(after, 'closed') ?? Number.NEGATIVE_INFINITY;
    if (closedThrough < progress.closedThrough)
      throw new Violation('I3', `C goes back from ${progress.closedThrough} to ${closedThrough}`);
    if (closedThrough > progress.closedThrough)
      for (const { shardId, put } of shards()) {
        const { records, maxEventTime } = committed.get(shardId) ?? {
          records: 0,
          maxEventTime: Number.NEGATIVE_INFINITY,
        };
        if (records < put && closedThrough > maxEventTime)
          throw new Violation('I7', `C rises to ${closedThrough} past ${shardId}, which holds W at ${maxEventTime}`);
      }
    progress = { ...progress, closedThrough };
  }

  /** A query is emitted through a C: every window that closes by then has been acknowledged. */
  function checkEmitted(after: Item): void {
    const finalizedThrough = numberOf(after, 'closed') ?? Number.NEGATIVE_INFINITY;
    if (finalizedThrough < progress.finalizedThrough || finalizedThrough > progress.closedThrough)
      throw new Violation('I3', `emitted goes from ${progress.finalizedThrough} to ${finalizedThrough}`);
    // Event time begins at 0 here, and every passed window since then has to be acknowledged.
    const first = Math.max(0, progress.finalizedThrough);
    for (let start = Math.floor(first / windowMs) * windowMs; start + windowMs <= finalizedThrough; start += windowMs)
      if (!acknowledged.has(start) && idsOfWindow(start).length > 0)
        throw new Violation(
          'I9',
          `emitted rises to ${finalizedThrough}, and the window of ${start} is not acknowledged`,
        );
    progress = { ...progress, finalizedThrough };
  }

  /** An entry of a log: it is put once, behind the one before it, and its totals are those of all its records. */
  function checkEntry(before: Item | undefined, after: Item): void {
    if (before !== undefined) throw new Violation('I10', `${after.pk} / ${after.sk} is put again`);
    const { position, kind, totals } = entryOf(after);
    const shardId = after.pk.slice('log#'.length);
    const known = committed.get(shardId);
    if (position !== (known?.position ?? 0) + 1)
      throw new Violation('I10', `${after.pk}: position ${position} follows ${known?.position ?? 0}`);
    const records = totals.sequenceNumber === undefined ? 0 : recordsThrough(totals.sequenceNumber);
    if (kind === 'batch' && records <= (known?.records ?? 0))
      throw new Violation('I10', `${shardId} commits up to record ${records} again`);
    const { counters } = totals;
    if (!isConserved(counters) || counters.received !== records || counters.counted !== records)
      throw new Violation('I1', `${shardId} has committed ${records} records and says ${JSON.stringify(counters)}`);
    committed.set(shardId, { position, records, maxEventTime: totals.maxEventTime ?? Number.NEGATIVE_INFINITY });
  }

  function check(start: number, rows: Item['attributes'][string] | undefined, records: number | undefined): void {
    const ids = idsOfRows(rows);
    const expected = new Set(idsOfWindow(start));
    const known = new Set(ids);
    if (known.size !== ids.length) throw new Violation('I5', `the window of ${start} counts an event twice`);
    const missing = [...expected].filter((id) => !known.has(id));
    if (missing.length > 0 || known.size !== expected.size)
      throw new Violation(
        'I4',
        `the window of ${start} is final with ${known.size} events of ${expected.size}, without ${missing.slice(0, 5).join(' ')}`,
      );
    if (records !== ids.length)
      throw new Violation('I4', `the window of ${start} says ${records} records and holds ${ids.length}`);
  }

  return {
    get progress() {
      return progress;
    },
    get finals() {
      return finals;
    },
    get published() {
      return published;
    },
    checkState(before, after) {
      if (after.pk.startsWith('log#')) checkEntry(before, after);
      else if (after.pk === 'epochs' && before === undefined) checkEpoch(after);
      else if (after.pk === 'emitted') checkEmitted(after);
    },
    checkManifest(before, after) {
      if (before !== undefined) throw new Violation('I2', `${after.pk} / ${after.sk} was final and is written again`);
      check(numberOf(after, 'start') ?? Number.NaN, after.attributes['rows'], numberOf(after, 'records'));
      finals++;
    },
    publish(pane, standing) {
      const ids = idsOfRows(standing?.attributes['rows']);
      if (ids.length !== idsOfWindow(pane.start).length)
        throw new Violation('I9', `the window of ${pane.start} is published other than it is`);
      acknowledged.add(pane.start);
      published++;
    },
    checkEnd(state, windows, first, last) {
      const tails = new Map<string, StoredEntry>();
      for (const item of state.all()) {
        if (!item.pk.startsWith('log#')) continue;
        const entry = entryOf(item);
        if (entry.position > (tails.get(item.pk)?.position ?? 0)) tails.set(item.pk, entry);
      }
      const counters = [...tails.values()].reduce((total, { totals }) => addCounters(total, totals.counters), noEvents);
      const all = shards().reduce((total, { put }) => total + put, 0);
      if (counters.received !== all || counters.counted !== all)
        throw new Violation('I1', `${JSON.stringify(counters)}, and ${all} events were put`);
      const final = new Set<number>();
      for (const item of windows.all()) final.add(numberOf(item, 'start') ?? Number.NaN);
      for (let start = first; start <= last; start += windowMs)
        if (idsOfWindow(start).length > 0 && !final.has(start))
          throw new Violation('I8', `the window of ${start} is not final in the end`);
    },
  };
}
