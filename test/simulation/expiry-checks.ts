import type { Item } from '../../functions/state/table/table.ts';
import { emittedOf, type Ledger } from './ledger.ts';
import { checkGathered } from './segment-checks.ts';
import { Violation } from './violation.ts';

/**
 * I18, before an item expires: nothing goes that is not gathered, no newest entry, and of what epochs have left nothing
 * that a query has still to emit.
 */
export function checkExpiry(ledger: Ledger, item: Item): void {
  if (item.pk.startsWith('log#')) checkEntryExpiry(ledger, item);
  else if (item.pk.startsWith('segment#')) checkSegmentExpiry(ledger, item);
  else if (['epochs', 'plans', 'marks'].includes(item.pk)) {
    const epoch = Number(item.sk.split('#')[0]);
    const behind = ledger.pipeline.queries.find(({ name }) => emittedOf(ledger, name).epoch < epoch);
    if (behind !== undefined)
      throw new Violation('I18', `${item.pk} / ${item.sk} expires before ${behind.name} is out`);
    if (epoch >= ledger.gathered.epoch) throw new Violation('I18', `${item.pk} / ${item.sk}, the newest, expires`);
  } else if (['registrations', 'gathered', 'emitted', 'definition'].includes(item.pk))
    throw new Violation('I18', `${item.pk} / ${item.sk} expires`);
}

function checkEntryExpiry(ledger: Ledger, { pk, sk }: Item): void {
  const shardId = pk.slice('log#'.length);
  const log = ledger.logs.get(shardId) ?? [];
  const entry = log[Number(sk) - 1];
  if (entry === log.at(-1) && entry?.kind !== 'seal')
    throw new Violation('I18', `the last entry of ${shardId} expires`);
  if (entry?.kind === 'batch' && entry.totals.epoch >= ledger.gathered.epoch)
    throw new Violation('I18', `entry ${entry.position} of ${shardId} expires and is not gathered`);
}

/** A segment goes when its slice is emitted for good, or when a merge has taken its place. */
function checkSegmentExpiry(ledger: Ledger, { pk, sk }: Item): void {
  for (const slices of ledger.segments.values()) for (const parts of slices.values()) parts.delete(`${pk} / ${sk}`);
  checkGathered(ledger, ledger.gathered.epoch);
}
