import { type Item, numberOf, type Table, textOf } from '../table/table.ts';
import { expiryOf } from './command.ts';

/**
 * A backfill whose windows are being handed over: it is not committed yet, so no log names it. Only people read this.
 * Nothing else relies on it.
 */
export interface Staging {
  readonly id: string;
  readonly query: string;
  /** The range of event time, epoch ms; minus infinity: from the first event on. */
  readonly since: number;
  readonly until: number;
  /** When windows were handed over last, epoch ms. One that was given up stays as it is until it expires. */
  readonly at: number;
}

const partition = 'staging';

/** Notes that windows of a backfill were handed over. Unconditional: the last note stays, and any of them will do. */
export async function noteStaging(state: Table, { id, query, since, until, at }: Staging): Promise<void> {
  const attributes = { query, ...(Number.isFinite(since) ? { since } : {}), until, at, expiresAt: expiryOf(at) };
  await state.putAll([{ pk: partition, sk: id, attributes }]);
}

/** Forgets a backfill that is committed and emitted: the operator's log names it. */
export async function deleteStaging(state: Table, id: string): Promise<void> {
  await state.delete({ pk: partition, sk: id });
}

/** Backfills that are being handed over, in the order of their ids. @param limit at most this many */
export async function readStagings(state: Table, limit: number): Promise<readonly Staging[]> {
  return (await state.query(partition, { limit })).map(stagingOf);
}

function stagingOf(item: Item): Staging {
  return {
    id: item.sk,
    query: textOf(item, 'query') ?? '',
    since: numberOf(item, 'since') ?? Number.NEGATIVE_INFINITY,
    until: numberOf(item, 'until') ?? Number.NaN,
    at: numberOf(item, 'at') ?? Number.NaN,
  };
}
