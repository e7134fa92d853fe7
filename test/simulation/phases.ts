import { type Item, numberOf, setOf } from '../../functions/state/table/table.ts';
import type { World } from './world.ts';

/** An activity at a shard at a moment. */
export type Phase =
  | 'before any record'
  | 'amid a batch'
  | 'between batches'
  | 'idle'
  | 'a window closes'
  | 'growth'
  | 'drain';

/** The current phases of some shards, derived from the tables. */
export function phasesOf({ ledger, stores, scheduler, shards }: World, shardIds: readonly string[]): readonly Phase[] {
  const phases = new Set<Phase>();
  const now = scheduler.now();
  for (const shardId of shardIds) {
    const records = shards.find((shard) => shard.shardId === shardId)?.records ?? [];
    if (!records.some(({ arrival }) => arrival <= now)) {
      phases.add('before any record');
      continue;
    }
    const committed = ledger.committed.get(shardId)?.records ?? 0;
    const isPlaced = (id: string) => [...ledger.placed.values()].some((places) => places.has(id));
    if (records.slice(committed).some(({ content }) => content.some(({ id }) => isPlaced(id))))
      phases.add('amid a batch');
    else if (committed > 0) phases.add('between batches');
    if (stores.state.get({ pk: 'shards', sk: shardId })?.attributes['state'] === 'idle') phases.add('idle');
    for (const item of stores.state.all())
      if (item.pk.startsWith('registry#') && item.sk.startsWith(`${shardId}#`)) addClosing(phases, item);
  }
  return [...phases];

  function addClosing(found: Set<Phase>, item: Item): void {
    const horizon = stores.state.get({ pk: 'horizon', sk: 'horizon' });
    const closedThrough =
      (horizon === undefined ? undefined : numberOf(horizon, 'closedThrough')) ?? Number.NEGATIVE_INFINITY;
    const closings = [...setOf(item, 'buckets')].map((text) => text.slice(0, text.lastIndexOf('#')));
    if (closings.some((text) => Number(text.split('#')[1]) <= closedThrough)) found.add('a window closes');
    if (new Set(closings).size < closings.length) found.add('growth');
  }
}
