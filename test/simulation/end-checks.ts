import { addCounters, type Counters, isConserved, noEvents } from '../../functions/core/events/counters.ts';
import { checkEmptyAtEnd } from './empty-checks.ts';
import { closedThroughAt, emittedOf, idsOfWindow, type Ledger, windowName } from './ledger.ts';
import type { SimulationOptions } from './options.ts';
import { checkSessionsAtEnd } from './session-checks.ts';
import { checkTargets, isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/**
 * I8: with everything committed and every shard idle, whether the watermark has risen to the greatest event time less
 * the delay. (C rises with it only where an end or a closing lies between.)
 * @param watermark as a finalize run has it
 */
export function watermarkRose(ledger: Ledger, options: SimulationOptions, watermark: number): boolean {
  const times = [...ledger.committed.values()].flatMap(({ maxEventTime }) =>
    maxEventTime === undefined ? [] : [maxEventTime],
  );
  return times.length === 0 || watermark >= Math.max(...times) - options.delayMs;
}

/** After the drain: I1 over everything, I4 for every window, I8 nothing left to do, I12 nothing left behind. */
export function checkEnd(world: World): void {
  const { ledger, stores, pipeline } = world;
  const state = [...stores.state.all()];
  checkConservation(ledger);
  for (const event of ledger.events.values())
    for (const query of event.wantedBy) {
      if (query.definedKind.isEndless === true) continue;
      const place = ledger.placed.get(query.name)?.get(event.id);
      if (place === undefined) continue;
      for (const closing of query.window
        .closings(place.slice)
        .filter((moment) => moment > closedThroughAt(ledger, place.epoch)))
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
    for (const slice of ledger.counted.get(query.name)?.keys() ?? [])
      for (const closing of query.window.closings(slice))
        for (const window of query.window.emit(closing)) {
          const [held, name] = [idsOfWindow(ledger, query, window).size, windowName(query.name, window)];
          if (held > 0 && held !== ledger.finals.get(name)?.size)
            throw new Violation('I4', `${name} is not what was counted`);
        }
  checkSessionsAtEnd(ledger);
  checkEmptyAtEnd(ledger);
  checkEndless(ledger);
  checkTidy(ledger);
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
 * I1: received = counted + late + duplicate + rejected + filtered, over the last entries of all logs, and received
 * equals the number of events put.
 */
function checkConservation({ logs, events }: Ledger): void {
  const counters = [...logs.values()]
    .map((log) => log.at(-1)?.totals.counters ?? noEvents)
    .reduce<Counters>(addCounters, noEvents);
  if (!isConserved(counters)) throw new Violation('I1', `the law does not hold: ${JSON.stringify(counters)}`);
  if (counters.received !== events.size)
    throw new Violation('I1', `${counters.received} received of ${events.size} that were put`);
}

/** I12: every epoch is gathered and emitted, by every query. */
function checkTidy(ledger: Ledger): void {
  const newest = ledger.epochs.length;
  if (ledger.gathered.epoch < newest)
    throw new Violation('I12', `epoch ${newest} is elected, and in the end ${ledger.gathered.epoch} is gathered`);
  for (const { name } of ledger.pipeline.queries)
    if (emittedOf(ledger, name).epoch < newest)
      throw new Violation('I12', `in the end ${emittedOf(ledger, name).epoch} of ${newest} is emitted of ${name}`);
}
