import { emittedOf } from './ledger.ts';
import type { World } from './world.ts';

/** An activity at a shard, or of the epochs, at a moment. */
export type Phase =
  | 'before any record'
  | 'records wait'
  | 'between batches'
  | 'idle'
  | 'an epoch is elected'
  | 'an epoch is emitted'
  | 'drain';

/** The current phases of some shards. */
export function phasesOf({ ledger, stores, scheduler, shards, pipeline }: World, shardIds: readonly string[]) {
  const phases = new Set<Phase>();
  const now = scheduler.now();
  for (const shardId of shardIds) {
    const records = shards.find((shard) => shard.shardId === shardId)?.records ?? [];
    const put = records.filter(({ arrival }) => arrival <= now).length;
    if (put === 0) phases.add('before any record');
    else phases.add((ledger.committed.get(shardId)?.records ?? 0) < put ? 'records wait' : 'between batches');
    if (stores.state.get({ pk: 'shards', sk: shardId })?.attributes['state'] === 'idle') phases.add('idle');
  }
  const { epochs, gathered } = ledger;
  if (epochs.length > gathered.epoch) phases.add('an epoch is elected');
  if (pipeline.queries.some(({ name }) => emittedOf(ledger, name).epoch < gathered.epoch))
    phases.add('an epoch is emitted');
  return [...phases] as readonly Phase[];
}
