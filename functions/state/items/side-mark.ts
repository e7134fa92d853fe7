import type { Attributes, Clause, Table, WriteOutcome } from '../table/table.ts';
import { type Claim, type Settled, type StoredSideEvent, storedSideEvent } from './side-event.ts';
import { eventKey, isMark, markKey, markSortKey } from './side-place.ts';

/**
 * How long after an event's arrival its mark is kept, in seconds. DynamoDB deletes what has expired within a few days,
 * in no order: a mark that went before its event would let the event into its windows again.
 */
const keptSeconds = 40 * 24 * 3600;

/**
 * Notes what was done about an event. Conditional: the first note stays, and an event that is another's is left alone.
 * @param by the command that has claimed it; undefined: the claim is as the event was read
 */
export function settle(
  rejects: Table,
  event: StoredSideEvent,
  settled: Settled,
  atMs: number,
  by?: string,
): Promise<WriteOutcome> {
  return mark(rejects, event, { settled, settledAt: atMs }, by ?? event.claim?.id);
}

/** Claims a late event for a command. Conditional: it is claimed as it was when it was read, and not settled. */
export function claim(rejects: Table, event: StoredSideEvent, { id, until }: Claim): Promise<WriteOutcome> {
  return mark(rejects, event, { claimed: id, claimedUntil: until }, event.claim?.id);
}

/**
 * Lets go of a late event that a command did not put into all of its windows. Conditional: it is still the command's.
 * The name in the claim's place is one that no claim before had: who read the event before this does not get it.
 * @param inside the windows that hold it now
 */
export function release(
  rejects: Table,
  event: StoredSideEvent,
  id: string,
  inside: readonly string[],
): Promise<WriteOutcome> {
  return mark(rejects, event, { claimed: `released#${id}`, claimedUntil: 0, inside }, id);
}

/**
 * Changes the mark of an event. Conditional: nothing is settled, and the claim is as it is known. The mark is an item of
 * its own: aggregate may write the event again at any time.
 */
async function mark(
  rejects: Table,
  event: StoredSideEvent,
  set: Attributes,
  claimedBy: string | undefined,
): Promise<WriteOutcome> {
  const expiresAt = Math.floor(event.arrival / 1000) + keptSeconds;
  const { outcome } = await rejects.update(markKey(event.shardId, event), { set: { ...set, expiresAt } }, [
    { attribute: 'settled', is: 'absent' },
    isClaimed(claimedBy),
  ]);
  return outcome;
}

/** The condition that an event is claimed by a command, or by none. */
function isClaimed(id: string | undefined): Clause {
  return id === undefined ? { attribute: 'claimed', is: 'absent' } : { attribute: 'claimed', is: 'equal', to: id };
}

/** An event as it is now; undefined when it is gone. */
export async function readSideEvent(rejects: Table, event: StoredSideEvent): Promise<StoredSideEvent | undefined> {
  const { pk, sk } = eventKey(event.shardId, event);
  const items = await rejects.query(pk, { from: sk, to: markSortKey(sk) });
  const own = items.find((item) => item.sk === sk);
  return own === undefined ? undefined : storedSideEvent(own, items.find(isMark));
}
