import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { count, definePipeline, lookup, table, tumbling } from '../../functions/core/index.ts';
import type { OperationContext } from '../../functions/operations/operation.ts';
import { operations, prepareOperation } from '../../functions/operations/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const pipeline = definePipeline({
  name: 'devices',
  event: z.object({ time: z.number(), id: z.number() }),
  eventTime: (event) => event.time,
  enrich: lookup(table<{ readonly id: number; readonly room: string }>('devices'), 'id', { fields: ['room'] }),
  watermark: { delay: 0 },
  queries: { 'byRoom@2': { groupBy: ['room'], window: tumbling('1 hour'), aggregates: { count: count() } } },
});

const at = 1_700_000_000_000;

/** A deployment of the pipeline that has received nothing. */
function deployment() {
  const woken: string[] = [];
  const memory = () => memoryTable(itemStore());
  const context: OperationContext = {
    pipeline,
    state: memory(),
    windows: memory(),
    rejects: memory(),
    stream: {
      listShards: async () => [],
      tail: async () => 'end',
      identity: async () => ({ name: 'devices', id: 'one' }),
    },
    served: new Set(),
    publish: async () => undefined,
    wake: (sink) => woken.push(sink),
    now: () => at,
    sleep: async () => {},
    remainingMs: () => 60_000,
    newId: randomUUID,
    logError: () => undefined,
  };
  return { context, woken };
}

const packed = (value: unknown) => gzipSync(JSON.stringify(value)).toString('base64');
const backfill = { request: 'backfill', query: 'byRoom@2', until: at };
const late = { request: 'late', query: 'byRoom@2', settled: 'replayed', since: 0, until: at, by: 'me' };
const list = { request: 'lookup-list', table: 'devices' };
const upload = { request: 'lookup-upload', table: 'devices', version: 'v', first: 0, parts: packed([[{ id: 1 }]]) };
const publish = { request: 'lookup-publish', table: 'devices', version: 'v', parts: 1, hash: 'x' };
const rows = { request: 'lookup-rows', table: 'devices', version: 'v', first: 0 };

/** Requests with one wrong field, by that field. */
const wrong: readonly (readonly [field: string, event: unknown])[] = [
  ['event', 'drain'],
  ['event', []],
  ['event', 5],
  ['request', { request: 'drian' }],
  ['request', { request: null }],
  ['request', { request: 'toString' }],
  ['request', { request: '__proto__' }],
  ['query', { request: 'alias' }],
  ['query', { request: 'remove', query: 2 }],
  ['sink', { request: 'redrive' }],
  ['sink', { request: 'redrive', sink: ['a'] }],
  ['query', { ...backfill, query: null }],
  ['since', { ...backfill, since: '2020-01-01' }],
  ['until', { ...backfill, until: 1.5 }],
  ['until', { ...backfill, until: undefined }],
  ['step', { ...backfill, step: 'go' }],
  ['id', { ...backfill, step: 'stage', id: '' }],
  ['isWhole', { ...backfill, step: 'commit', id: 'x', by: 'me', staged: 1, isWhole: 'yes' }],
  ['staged', { ...backfill, step: 'commit', id: 'x', by: 'me', staged: -1 }],
  ['by', { ...backfill, step: 'commit', id: 'x', staged: 1 }],
  ['shards', { ...backfill, step: 'claim', id: 'x', shards: { a: ['1', 'b'] } }],
  ['arrivedBefore', { ...backfill, step: 'claim', id: 'x' }],
  ['after', { ...backfill, step: 'late', after: ['a'] }],
  ['windows', { ...backfill, step: 'stage', id: 'x', windows: 'x' }],
  ['windows', { ...backfill, step: 'stage', id: 'x', windows: packed([[0, 1, 'many', '']]) }],
  ['query', { ...late, query: undefined }],
  ['settled', { ...late, settled: 'gone' }],
  ['since', { ...late, since: undefined }],
  ['until', { ...late, until: Number.NaN }],
  ['window', { ...late, window: '0' }],
  ['by', { ...late, by: '' }],
  ['after', { ...late, after: ['a', 0.5, ''] }],
  ['table', { ...list, table: 'no table' }],
  ['through', { ...list, through: 'now' }],
  ['version', { ...upload, version: '' }],
  ['first', { ...upload, first: -1 }],
  ['parts', { ...upload, parts: packed({}) }],
  ['parts', { ...upload, parts: packed([[1]]) }],
  ['version', { ...publish, version: '../x' }],
  ['parts', { ...publish, parts: 60_000 }],
  ['hash', { ...publish, hash: '' }],
  ['from', { ...publish, from: '2020' }],
  ['version', { ...rows, version: undefined }],
  ['first', { ...rows, first: 0.5 }],
];

/** The error with which a call ends. */
async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the table of operations', () => {
  it.each(Object.entries(operations))('names %s as its row says', (name, operation) => {
    expect(operation.name).toBe(name);
  });

  it.each([
    ['no event', undefined],
    ['null', null],
    ['an empty event', {}],
    ["a schedule's event", { version: '0', source: 'aws.events', detail: {} }],
    ['its name', { request: 'advance' }],
  ])('advances for %s', async (_title, event) => {
    const { context } = deployment();
    const { answer } = await prepareOperation(event)(context);
    expect(answer).toMatchObject({ watermark: null, windows: 0, drained: false });
  });

  it.each(wrong.map(([field, event]) => [field, JSON.stringify(event), event] as const))(
    'answers a wrong %s in one line that names it, its value and the remedy: %s',
    async (field, _text, event) => {
      const error = await failure(() => prepareOperation(event));
      expect(error).toBeInstanceOf(TidemarkError);
      expect(String(error)).toMatch(new RegExp(`^TidemarkError: ${field}: [^\\n]+: [^\\n]+$`));
    },
  );

  it('refuses a table that the pipeline does not have', async () => {
    const { context } = deployment();
    for (const request of [list, upload, publish, rows])
      expect(String(await failure(() => prepareOperation({ ...request, table: 'rooms' })(context)))).toMatch(
        /^TidemarkError: table: .*rooms.* use devices$/,
      );
  });

  it('keeps what is uploaded, publishes it, and gives it back', async () => {
    const { context } = deployment();
    const part = [{ id: 1, room: 'kitchen' }];
    const { answer } = await prepareOperation({ ...upload, parts: packed([part]) })(context);
    expect(answer).toEqual({ uploaded: 1 });
    expect((await prepareOperation(rows)(context)).answer).toEqual({ parts: 1, rows: packed(part) });
    expect((await prepareOperation(list)(context)).answer).toMatchObject({ table: 'devices', versions: [] });
  });
});
