import { type Item, numberOf } from '../../functions/state/table/table.ts';
import {
  closedThroughAt,
  emittedOf,
  gaveOnlyGarbage,
  idsOfWindow,
  type Ledger,
  newestClosed,
  queryOf,
  windowName,
} from './ledger.ts';
import type { Process } from './network.ts';
import type { SimulationOptions } from './options.ts';
import { checkGathered } from './segment-checks.ts';
import { checkSessionsEmitted } from './session-checks.ts';
import { isPublished } from './sink-checks.ts';
import { contentText } from './stored-content.ts';
import { Violation } from './violation.ts';

/**
 * I3, when an epoch is elected: it follows the one before, whose work is gathered, and its C is not below. I7: its C
 * does not overtake a shard that holds the watermark.
 */
export function checkElection(
  ledger: Ledger,
  options: SimulationOptions,
  before: Item | undefined,
  after: Item,
  process: Process,
): void {
  const epoch = Number(after.sk);
  if (before !== undefined) {
    if (contentText(before) !== contentText(after)) throw new Violation('I17', `epoch ${epoch} is elected twice`);
    return;
  }
  if (epoch !== ledger.epochs.length + 1)
    throw new Violation('I3', `epoch ${epoch} is elected after ${ledger.epochs.length}`);
  if (ledger.gathered.epoch < epoch - 1)
    throw new Violation('I3', `epoch ${epoch} is elected, and ${ledger.gathered.epoch} is the last that is gathered`);
  const closedThrough = numberOf(after, 'closed') ?? Number.NEGATIVE_INFINITY;
  const closedBefore = newestClosed(ledger);
  if (closedThrough < closedBefore)
    throw new Violation('I3', `epoch ${epoch} is closed through ${closedThrough} after ${closedBefore}`);
  if (closedThrough > closedBefore) checkWatermark(ledger, options, closedThrough, process);
  ledger.epochs.push(closedThrough);
}

/**
 * I7: the watermark does not overtake a shard that still has accepted records from before the finalize run began,
 * unless that shard gave nothing but garbage for the idle time. The bound is the shard's greatest committed event time
 * less the delay. (It is taken from what is committed now, which is no less than what the run could see.)
 */
function checkWatermark(
  ledger: Ledger,
  options: SimulationOptions,
  closedThrough: number,
  { startedAt }: Process,
): void {
  for (const { shardId, records, createdAt } of ledger.shards) {
    const committed = ledger.committed.get(shardId);
    if (committed === undefined) continue;
    const waits = records
      .slice(committed.records)
      .some(({ arrival, content }) => arrival <= startedAt && content.some(({ garbage }) => !garbage));
    if (!waits) continue;
    if (committed.garbageUntil >= startedAt || gaveOnlyGarbage(committed, createdAt, options.idleMs)) continue;
    const bound =
      committed.maxEventTime === undefined ? Number.NEGATIVE_INFINITY : committed.maxEventTime - options.delayMs;
    if (closedThrough > bound)
      throw new Violation('I7', `C rises to ${closedThrough} past ${shardId}, which holds it at ${bound}`);
  }
}

/** I15 and I17: a plan is put once, when every log that has begun has the barrier of its epoch, or is sealed. */
export function checkPlan(ledger: Ledger, before: Item | undefined, after: Item): void {
  const epoch = Number(after.sk);
  if (before !== undefined) {
    if (contentText(before) !== contentText(after)) throw new Violation('I17', `the plan of epoch ${epoch} changes`);
    return;
  }
  if (epoch > ledger.epochs.length) throw new Violation('I15', `a plan of epoch ${epoch}, which nobody has elected`);
  for (const [shardId, log] of ledger.logs) {
    const tail = log.at(-1);
    if (tail !== undefined && tail.kind !== 'seal' && tail.totals.epoch < epoch)
      throw new Violation('I15', `epoch ${epoch} has its plan, and the log of ${shardId} ends at ${tail.totals.epoch}`);
  }
  ledger.plans.set(epoch, contentText(after));
}

/** I3 and I16, when `gathered` is raised. */
export function checkGatheredRaise(ledger: Ledger, after: Item): void {
  const epoch = numberOf(after, 'epoch') ?? 0;
  const closedThrough = numberOf(after, 'closed') ?? Number.NEGATIVE_INFINITY;
  if (epoch <= ledger.gathered.epoch)
    throw new Violation('I3', `gathered goes back from ${ledger.gathered.epoch} to ${epoch}`);
  if (!ledger.plans.has(epoch)) throw new Violation('I15', `epoch ${epoch} is gathered without a plan`);
  if (closedThrough !== closedThroughAt(ledger, epoch))
    throw new Violation('I3', `gathered says that epoch ${epoch} is closed through ${closedThrough}`);
  ledger.gathered = { epoch, closedThrough };
  checkGathered(ledger, epoch);
}

/**
 * I4 and I9, when `emitted` of a query is raised: every window that closes at or before its C and holds something is
 * final, whole, and in the outboxes.
 */
export function checkEmittedRaise(ledger: Ledger, after: Item): void {
  const query = queryOf(ledger, after.sk);
  const epoch = numberOf(after, 'epoch') ?? 0;
  const before = emittedOf(ledger, query.name);
  if (epoch <= before.epoch) throw new Violation('I3', `emitted of ${query.name} goes back to ${epoch}`);
  if (epoch > ledger.gathered.epoch)
    throw new Violation('I16', `epoch ${epoch} of ${query.name} is emitted, and ${ledger.gathered.epoch} is gathered`);
  const closedThrough = closedThroughAt(ledger, epoch);
  if ((numberOf(after, 'closed') ?? Number.NEGATIVE_INFINITY) !== closedThrough)
    throw new Violation('I3', `emitted of ${query.name} says another C of epoch ${epoch}`);
  ledger.emitted.set(query.name, { epoch, closedThrough });
  if (query.window.sessions !== undefined) {
    checkSessionsEmitted(ledger, query, before.epoch, epoch);
    return;
  }
  for (const slice of ledger.counted.get(query.name)?.keys() ?? [])
    for (const closing of query.window.closings(slice)) {
      if (closing > closedThrough || closing <= before.closedThrough) continue;
      for (const window of query.window.emit(closing)) {
        const name = windowName(query.name, window);
        const ids = idsOfWindow(ledger, query, window);
        if (ids.size === 0) continue;
        const final = ledger.finals.get(name);
        if (final === undefined)
          throw new Violation('I4', `epoch ${epoch} of ${query.name} is emitted, and ${name} is not final`);
        if (!isPublished(ledger, name))
          throw new Violation('I9', `epoch ${epoch} of ${query.name} is emitted, and ${name} is not acknowledged`);
        const missing = [...ids].filter((id) => !final.has(id));
        if (missing.length > 0) throw new Violation('I4', `${name} is final without ${missing.join(' ')}`);
      }
    }
}
