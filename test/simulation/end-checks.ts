import { addCounters, type Counters, isConserved, noEvents } from '../../functions/core/events/counters.ts';
import { type Item, numberOf } from '../../functions/state/table/table.ts';
import { checkEmptyAtEnd } from './empty-checks.ts';
import { idsOfWindow, type Ledger, windowName } from './ledger.ts';
import type { SimulationOptions } from './options.ts';
import { checkSessionsAtEnd } from './session-checks.ts';
import { checkTargets, isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/**
 * I8: with everything committed and every shard idle, whether the watermark has risen to the greatest event time less
 * the delay.
 */
export function watermarkRose(ledger: Ledger, options: SimulationOptions): boolean {
  const times = [...ledger.committed.values()].flatMap(({ maxEventTime }) =>
    maxEventTime === undefined ? [] : [maxEventTime],
  );
  return times.length === 0 || ledger.horizon.closedThrough >= Math.max(...times) - options.delayMs;
}

/** After the drain: I1 over everything, I4 for every window, I8 nothing left to do, I12 nothing left behind. */
export function checkEnd(world: World): void {
  const { ledger, stores, pipeline } = world;
  const state = [...stores.state.all()];
  checkConservation(ledger, state);
  for (const event of ledger.events.values())
    for (const query of event.wantedBy) {
      if (query.definedKind.isEndless === true) continue;
      const place = ledger.placed.get(query.name)?.get(event.id);
      if (place === undefined) continue;
      for (const closing of query.window.closings(place.slice).filter((moment) => moment >= place.closesAt))
        for (const window of query.window.emit(closing)) {
          const name = windowName(query.name, window);
          if (ledger.finals.get(name)?.has(event.id) !== true)
            throw new Violation(
              'I8',
              `${event.id} is counted, and in the end ${name} is ${ledger.finals.has(name) ? 'final without it' : 'not final'}`,
            );
        }
    }
  for (const name of ledger.finals.keys())
    if (!isPublished(ledger, name)) throw new Violation('I9', `${name} is final, and no sink has acknowledged it`);
  for (const query of pipeline.queries.filter(({ definedKind }) => definedKind.isEndless !== true))
    for (const [slice, closings] of ledger.buckets.get(query.name) ?? [])
      for (const closing of closings.keys())
        for (const window of query.window.emit(closing))
          if (
            window.slices.includes(slice) &&
            idsOfWindow(ledger, query, window).size !== ledger.finals.get(windowName(query.name, window))?.size
          )
            throw new Violation('I4', `${windowName(query.name, window)} is not what was counted`);
  checkSessionsAtEnd(ledger, stores.state);
  checkEmptyAtEnd(ledger);
  checkEndless(ledger);
  checkTidy(ledger, state);
  checkTargets(ledger, state);
}

/** I4: a window over all of time is never final, and takes every event. No event is late for it. */
function checkEndless(ledger: Ledger): void {
  for (const { name, definedKind: kind } of ledger.pipeline.queries) {
    if (kind.isEndless !== true) continue;
    if ([...ledger.finals.keys()].some((final) => final.startsWith(`${name}#`)))
      throw new Violation('I4', `${name} is final, and time goes on`);
    const wanted = [...ledger.events.values()].filter(({ wantedBy }) => wantedBy.some((query) => query.name === name));
    for (const { id } of wanted)
      if (ledger.placed.get(name)?.has(id) !== true) throw new Violation('I4', `${id} is not counted by ${name}`);
  }
}

/**
 * I1: received = counted + late + duplicate + rejected + filtered, over all shards, and received equals the number of
 * events put.
 */
function checkConservation(ledger: Ledger, state: readonly Item[]): void {
  let counters: Counters = noEvents;
  for (const item of state)
    if (item.pk.startsWith('progress#'))
      counters = addCounters(counters, item.attributes['counters'] as unknown as Counters);
  if (!isConserved(counters)) throw new Violation('I1', `the law does not hold: ${JSON.stringify(counters)}`);
  if (counters.received !== ledger.events.size)
    throw new Violation('I1', `${counters.received} received of ${ledger.events.size} that were put`);
}

/** I12: nothing is registered any more, and every page with records has an expiry. */
function checkTidy(ledger: Ledger, state: readonly Item[]): void {
  // Windows over all of time stay registered, and their pages stay, for as long as the tables exist.
  const endless = ledger.pipeline.queries
    .filter(({ definedKind }) => definedKind.isEndless === true)
    .map(({ name }) => name);
  for (const item of state) {
    const isEndless = endless.some((name) => item.sk.includes(`#${name}#`) || item.pk.includes(`#${name}#`));
    if (isEndless && numberOf(item, 'expiresAt') !== undefined)
      throw new Violation('I12', `${item.pk} / ${item.sk} is to expire, and its window is never final`);
    if (isEndless) continue;
    // An empty item is left where a run crashed between taking out the last bucket and deleting the item; the next
    // bucket of its span uses it.
    if (item.pk.startsWith('registry#') && item.attributes['buckets'] !== undefined)
      throw new Violation('I12', `${item.pk} / ${item.sk} is left in the registry`);
    if (
      item.pk.startsWith('page#') &&
      item.attributes['data'] !== undefined &&
      numberOf(item, 'expiresAt') === undefined
    )
      throw new Violation('I12', `page ${item.pk} / ${item.sk} never expires`);
  }
}
