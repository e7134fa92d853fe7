import type { AwsAccount } from '../aws/aws-account.ts';

/** How far epochs are gathered, as the state table sees it. */
export interface GatheredEpochs {
  readonly epoch: number;
  /** When it was raised the last time, epoch ms; undefined: never. */
  readonly at: number | undefined;
  /** When each epoch was elected, epoch ms, in their order. */
  readonly electedAt: readonly number[];
}

export function watchGathered({ dynamo, time }: AwsAccount): GatheredEpochs {
  const electedAt: number[] = [];
  const found: { epoch: number; at: number | undefined; readonly electedAt: readonly number[] } = {
    epoch: 0,
    at: undefined,
    electedAt,
  };
  const before = dynamo.onWrite;
  dynamo.onWrite = (table, pk, sk, stored) => {
    before(table, pk, sk, stored);
    if (table !== 'state') return;
    if (pk === 'epochs' && stored.item['expiresAt'] === undefined) electedAt.push(time.now());
    if (pk !== 'gathered') return;
    found.epoch = Number(stored.item['epoch']?.N ?? 0);
    found.at = time.now();
  };
  return found;
}
