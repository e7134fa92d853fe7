import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { ApiClient } from '../deployment/api-client.ts';
import { TidemarkError } from '../program/errors.ts';

/**
 * Checks that the system counts: the state in a data folder may be of other queries than the pipeline's.
 * @throws TidemarkError that names the change and the remedy
 */
export async function checkFits(api: Pick<ApiClient, 'watermark'>): Promise<void> {
  const { refusals = [] } = await api.watermark();
  if (refusals.length > 0) throw new TidemarkError(refusals.join('; '));
}

/**
 * Checks that the tables hold all that a feed's checkpoint says was committed. Otherwise files that it takes for read
 * would never be counted.
 * @throws TidemarkError when the checkpoint is of a later time than the rest of its folder
 */
export async function checkCommitted(
  api: Pick<ApiClient, 'watermark'>,
  positions: ReadonlyMap<string, SequenceNumber>,
): Promise<void> {
  const committed = new Map((await api.watermark()).shards.map((shard) => [shard.shardId, shard.sequenceNumber]));
  for (const [shardId, position] of positions) {
    const known = committed.get(shardId) ?? undefined;
    if (known === undefined || isAfter(position, known))
      throw new TidemarkError(
        `--data: its feed.json says that ${shardId} was counted up to ${position}, and its tables know ${known ?? 'nothing'}: restore the whole folder from one copy, or begin with another`,
      );
  }
}
