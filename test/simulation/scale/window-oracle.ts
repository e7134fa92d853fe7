import { addCounters, type Counters, isConserved, noEvents } from '../../../functions/core/events/counters.ts';
import { type Item, numberOf, textOf } from '../../../functions/state/table/table.ts';
import type { Pane } from '../../../functions/state/windows/pane.ts';
import type { ItemStore } from '../item-store.ts';
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
  /** A sink takes a pane. */
  publish(pane: Pane): void;
  /**
   * After a drain: I1 over everything, I8 that every window from `first` to `last` (starts) is final, I12 that nothing
   * is left behind.
   */
  checkEnd(state: ItemStore, windows: ItemStore, first: number, last: number): void;
  readonly horizon: { readonly closedThrough: number; readonly finalizedThrough: number };
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
  const committed = new Map<string, { readonly records: number; readonly maxEventTime: number }>();
  let horizon = { closedThrough: Number.NEGATIVE_INFINITY, finalizedThrough: Number.NEGATIVE_INFINITY };
  let finals = 0;
  let published = 0;

  function checkHorizon(before: Item | undefined, after: Item): void {
    for (const name of ['watermark', 'closedThrough', 'finalizedThrough']) {
      const [from, to] = [before, after].map((item) => (item === undefined ? undefined : numberOf(item, name)));
      if (from !== undefined && (to === undefined || to < from))
        throw new Violation('I3', `${name} goes back from ${from} to ${to}`);
    }
    const closedThrough = numberOf(after, 'closedThrough') ?? Number.NEGATIVE_INFINITY;
    const finalizedThrough = numberOf(after, 'finalizedThrough') ?? Number.NEGATIVE_INFINITY;
    if (finalizedThrough > closedThrough)
      throw new Violation('I3', `finalizedThrough ${finalizedThrough} overtakes closedThrough ${closedThrough}`);
    if (closedThrough > horizon.closedThrough)
      for (const { shardId, put } of shards()) {
        const { records, maxEventTime } = committed.get(shardId) ?? {
          records: 0,
          maxEventTime: Number.NEGATIVE_INFINITY,
        };
        if (records < put && closedThrough > maxEventTime)
          throw new Violation(
            'I7',
            `closedThrough rises to ${closedThrough} past ${shardId}, which holds it at ${maxEventTime}`,
          );
      }
    if (finalizedThrough > horizon.finalizedThrough) {
      // Event time begins at 0 here, and every passed window since then has to be acknowledged.
      const first = Math.max(0, horizon.finalizedThrough);
      for (let start = Math.floor(first / windowMs) * windowMs; start + windowMs <= finalizedThrough; start += windowMs)
        if (!acknowledged.has(start) && idsOfWindow(start).length > 0)
          throw new Violation(
            'I9',
            `finalizedThrough rises to ${finalizedThrough}, and the window of ${start} is not acknowledged`,
          );
    }
    horizon = { closedThrough, finalizedThrough };
  }

  function checkProgress(before: Item | undefined, after: Item): void {
    const records = recordsThrough(textOf(after, 'sequenceNumber') ?? '');
    const counters = after.attributes['counters'] as unknown as Counters;
    if (records <= (committed.get(after.sk)?.records ?? 0) && before !== undefined)
      throw new Violation('I10', `${after.sk} commits up to record ${records} again`);
    if (!isConserved(counters) || counters.received !== records || counters.counted !== records)
      throw new Violation('I1', `${after.sk} has committed ${records} records and says ${JSON.stringify(counters)}`);
    committed.set(after.sk, { records, maxEventTime: numberOf(after, 'maxEventTime') ?? Number.NEGATIVE_INFINITY });
  }

  function checkPage(before: Item | undefined, after: Item): void {
    const isChanged = before?.attributes['data'] !== after.attributes['data'];
    if (before?.attributes['closed'] === true && (after.attributes['closed'] !== true || isChanged))
      throw new Violation('I10', `${after.pk} / ${after.sk} changes after it was closed`);
    const closesAt = Number(after.sk.split('#', 1)[0]);
    if (isChanged && closesAt <= horizon.finalizedThrough)
      throw new Violation('I4', `${after.pk} / ${after.sk} is written, and its window is final`);
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
    get horizon() {
      return horizon;
    },
    get finals() {
      return finals;
    },
    get published() {
      return published;
    },
    checkState(before, after) {
      if (after.pk.startsWith('page#')) checkPage(before, after);
      else if (after.pk === 'horizon') checkHorizon(before, after);
      else if (after.pk.startsWith('progress#')) checkProgress(before, after);
    },
    checkManifest(before, after) {
      if (before !== undefined) throw new Violation('I2', `${after.pk} / ${after.sk} was final and is written again`);
      check(numberOf(after, 'start') ?? Number.NaN, after.attributes['rows'], numberOf(after, 'records'));
      finals++;
    },
    publish(pane) {
      const ids = pane.rows.flatMap((row) => (row.values['ids'] as { readonly ids: readonly string[] }).ids);
      if (ids.length !== idsOfWindow(pane.start).length)
        throw new Violation('I9', `the window of ${pane.start} is published other than it is`);
      acknowledged.add(pane.start);
      published++;
    },
    checkEnd(state, windows, first, last) {
      let counters = noEvents;
      for (const item of state.all()) {
        if (item.pk.startsWith('progress#'))
          counters = addCounters(counters, item.attributes['counters'] as unknown as Counters);
        if (item.pk.startsWith('registry#') && item.attributes['buckets'] !== undefined)
          throw new Violation('I12', `${item.pk} / ${item.sk} is left in the registry`);
        if (
          item.pk.startsWith('page#') &&
          item.attributes['data'] !== undefined &&
          numberOf(item, 'expiresAt') === undefined
        )
          throw new Violation('I12', `page ${item.pk} / ${item.sk} never expires`);
      }
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
