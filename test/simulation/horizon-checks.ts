import { type Item, numberOf } from '../../functions/state/table/table.ts';
import { gaveOnlyGarbage, idsOfWindow, type Ledger, windowName } from './ledger.ts';
import type { Process } from './network.ts';
import type { SimulationOptions } from './options.ts';
import { isPublished } from './sink-checks.ts';
import { Violation } from './violation.ts';

/**
 * I3: `watermark`, `closedThrough` and `finalizedThrough` only grow. I4, I7 and I9 are checked at the moments at which
 * they grow.
 */
export function checkHorizon(
  ledger: Ledger,
  options: SimulationOptions,
  before: Item | undefined,
  after: Item,
  process: Process | undefined,
): void {
  for (const name of ['watermark', 'closedThrough', 'finalizedThrough']) {
    const [from, to] = [before, after].map((item) => (item === undefined ? undefined : numberOf(item, name)));
    if (from !== undefined && (to === undefined || to < from))
      throw new Violation('I3', `${name} goes back from ${from} to ${to}`);
  }
  const closedThrough = numberOf(after, 'closedThrough') ?? Number.NEGATIVE_INFINITY;
  const finalizedThrough = numberOf(after, 'finalizedThrough') ?? Number.NEGATIVE_INFINITY;
  if (closedThrough > ledger.horizon.closedThrough) checkWatermark(ledger, options, closedThrough, process);
  if (finalizedThrough > closedThrough)
    throw new Violation('I3', `finalizedThrough ${finalizedThrough} overtakes closedThrough ${closedThrough}`);
  if (finalizedThrough > ledger.horizon.finalizedThrough) checkFinalized(ledger, finalizedThrough);
  ledger.horizon = { closedThrough, finalizedThrough };
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
  process: Process | undefined,
): void {
  if (process === undefined) return;
  for (const { shardId, records, createdAt } of ledger.shards) {
    const committed = ledger.committed.get(shardId);
    if (committed === undefined) continue;
    const waits = records
      .slice(committed.records)
      .some(({ arrival, content }) => arrival <= process.startedAt && content.some(({ garbage }) => !garbage));
    if (!waits) continue;
    if (committed.garbageUntil >= process.startedAt || gaveOnlyGarbage(committed, createdAt, options.idleMs)) continue;
    const bound =
      committed.maxEventTime === undefined ? Number.NEGATIVE_INFINITY : committed.maxEventTime - options.delayMs;
    if (closedThrough > bound)
      throw new Violation('I7', `closedThrough rises to ${closedThrough} past ${shardId}, which holds it at ${bound}`);
  }
}

/**
 * I4 and I9: a window that closes at or below `finalizedThrough` and has records is final, and a sink has acknowledged
 * it.
 */
function checkFinalized(ledger: Ledger, finalizedThrough: number): void {
  for (const query of ledger.pipeline.queries) {
    for (const [slice, closings] of ledger.buckets.get(query.name) ?? []) {
      const least = Math.min(...closings.keys());
      for (const closing of query.window.closings(slice)) {
        if (closing < least || closing > finalizedThrough || closing <= ledger.horizon.finalizedThrough) continue;
        for (const window of query.window.emit(closing)) {
          const name = windowName(query.name, window);
          if (!ledger.finals.has(name))
            throw new Violation('I4', `finalizedThrough rises to ${finalizedThrough} and ${name} is not final`);
          if (!isPublished(ledger, name))
            throw new Violation('I9', `finalizedThrough rises to ${finalizedThrough} and ${name} is not acknowledged`);
          const missing = [...idsOfWindow(ledger, query, window)].filter((id) => !ledger.finals.get(name)?.has(id));
          if (missing.length > 0) throw new Violation('I4', `${name} is final without ${missing.join(' ')}`);
        }
      }
    }
  }
}
