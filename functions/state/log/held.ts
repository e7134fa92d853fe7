import { numberOf, type Table, textOf } from '../table/table.ts';

/** What the last observation of the shards found: which shard holds the watermark back, and where. */
export interface Held {
  /** The shard; undefined: none holds it, or nobody has looked yet. */
  readonly by: string | undefined;
  /** W, epoch ms; minus infinity while it is held there, or when nobody has looked yet. */
  readonly watermark: number;
  /** The number of logs that an epoch cuts. */
  readonly shards: number;
}

const key = { pk: 'held', sk: 'held' };

/**
 * Notes who holds the watermark. Unconditional: it is a hint that no result depends on, the last observation to be
 * noted wins, and an old one costs a kick too many, or one that the schedule makes good within a minute.
 */
export async function noteHeldBy(state: Table, { by, watermark, shards }: Held): Promise<void> {
  await state.put({
    ...key,
    attributes: {
      shards,
      ...(by === undefined ? {} : { by }),
      ...(Number.isFinite(watermark) ? { watermark } : {}),
    },
  });
}

/** Who holds the watermark, as it was noted last; strongly consistent. */
export async function readHeldBy(state: Table): Promise<Held> {
  const item = await state.get(key);
  return {
    by: item === undefined ? undefined : textOf(item, 'by'),
    watermark: (item === undefined ? undefined : numberOf(item, 'watermark')) ?? Number.NEGATIVE_INFINITY,
    shards: (item === undefined ? undefined : numberOf(item, 'shards')) ?? 0,
  };
}
