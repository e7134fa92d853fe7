import { expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { strayId } from '../../functions/edge/stray-id.ts';
import { partitionKeyHash } from '../../functions/feeder/hash-range.ts';

const spec = {
  name: 'routed',
  event: z.object({ id: z.union([z.string(), z.number()]).nullish() }),
  eventTime: { of: () => 0, unit: 'ms' },
  watermark: { delay: 0 },
  queries: { all: { window: tumbling('1 hour'), aggregates: { count: count() } } },
} as const;
const pipeline = definePipeline({
  ...spec,
  dedup: { by: (event: { id?: string | number | null | undefined }) => event.id, within: { ms: 1 } },
});

function record(partitionKey: string, ...ids: readonly unknown[]) {
  const events = ids.map((id, subRecord) => ({
    text: JSON.stringify({ id }),
    subRecord,
    bytes: () => new Uint8Array(),
  }));
  return { sequenceNumber: '1', arrival: 0, partitionKey, events };
}

const most = 2n ** 128n - 1n;

it.each(['order-1', 7])(
  'names the id %s that is the partition key on a shard to which that does not lead, and no other',
  (id) => {
    const hash = partitionKeyHash(String(id));
    const own = record(String(id), id);
    expect(strayId(pipeline, own, { first: 0n, last: hash - 1n })).toBe(String(id));
    expect(strayId(pipeline, own, { first: hash + 1n, last: most })).toBe(String(id));
    expect(strayId(pipeline, own, { first: hash, last: hash })).toBeUndefined();
  },
);

it('says nothing where the partition key is not the id, the record is packed, rejected or without an id, or nothing is deduplicated', () => {
  const nowhere = { first: 0n, last: -1n };
  expect(strayId(pipeline, record('a', 'a'), nowhere)).toBe('a');
  for (const other of [
    record('device', 'a'),
    record('a', 'a', 'b'),
    record('a', null),
    record('a', true),
    record('a'),
    undefined,
  ])
    expect(strayId(pipeline, other, nowhere)).toBeUndefined();
  expect(strayId(definePipeline(spec), record('a', 'a'), nowhere)).toBeUndefined();
});
