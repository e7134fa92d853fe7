import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { QuerySpec } from '../../functions/core/definition/pipeline.ts';
import { checkAgainstLock, lockFileOf, lockOf, parseLock } from '../../functions/core/definition/pipeline-lock.ts';
import { count, definePipeline, session, sum, tumbling } from '../../functions/core/index.ts';
import { checkDefinition, notePassed } from '../../functions/state/items/definition.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { checkLock } from '../../infra/pipeline-lock.ts';

type Event = { readonly time: number; readonly a: string; readonly b: string; readonly x: number; readonly y: number };
const base: QuerySpec<Event> = {
  groupBy: ['a'],
  window: tumbling('1 hour'),
  aggregates: { n: count(), total: sum('x') },
};
const withQueries = (queries: Record<string, QuerySpec<Event>>, name = 'evolving') =>
  definePipeline({
    name,
    event: z.object({ time: z.number(), a: z.string(), b: z.string(), x: z.number(), y: z.number() }),
    eventTime: (event) => event.time,
    watermark: { delay: '1 minute' },
    queries,
  });
const lock = lockOf(withQueries({ q: base }));

const incompatible: readonly (readonly [string, QuerySpec<Event>, string])[] = [
  [
    'another window',
    { ...base, window: tumbling('2 hours') },
    'window was tumbling 3600000 ms and is tumbling 7200000 ms',
  ],
  ['another offset', { ...base, window: tumbling('1 hour', { offset: '1 minute' }) }, 'offset 60000 ms'],
  ['sessions instead', { ...base, window: session('1 hour') }, 'is session 3600000 ms resolution 450000 ms'],
  ['other fields to group by', { ...base, groupBy: ['a', 'b'] }, 'groupBy was a and is a, b'],
  ['no fields to group by', { window: base.window, aggregates: base.aggregates }, 'groupBy was a and is nothing'],
  [
    'another kind of aggregate',
    { ...base, aggregates: { n: count(), total: count() } },
    'aggregate total was sum of x and is count',
  ],
  [
    'another field of an aggregate',
    { ...base, aggregates: { n: count(), total: sum('y') } },
    'aggregate total was sum of x and is sum of y',
  ],
  [
    'one aggregate more',
    { ...base, aggregates: { ...base.aggregates, more: count() } },
    'aggregate more was absent and is count',
  ],
  ['a from', { ...base, from: '2026-11-24T00:00:00Z' }, 'from was absent and is 2026-11-24T00:00:00.000Z'],
  ['one aggregate less', { ...base, aggregates: { n: count() } }, 'aggregate total was sum of x and is absent'],
];
const compatible: readonly (readonly [string, Record<string, QuerySpec<Event>>])[] = [
  ['nothing changed', { q: base }],
  ['a query added', { q: base, other: base }],
  ['what only future windows depend on', { q: { ...base, expectedKeys: 7, emit: { early: '1 minute' } } }],
  ['a filter, which cannot be compared', { q: { ...base, where: (event) => event.x > 0 } }],
];

describe('a lock', () => {
  it.each(incompatible)('refuses %s', (_, query, reason) => {
    expect(() => checkAgainstLock(lock, withQueries({ q: query }))).toThrow(
      new RegExp(`^queries\\.q: "q" has changed: .*${reason}.*docs/EVOLUTION`),
    );
  });
  it.each(compatible)('allows %s', (_, queries) => {
    expect(() => checkAgainstLock(lock, withQueries(queries))).not.toThrow();
  });
  it('refuses that a query or the name is gone', () => {
    expect(() => checkAgainstLock(lock, withQueries({ other: base }))).toThrow(/queries: "q" is gone.*lock --remove q/);
    expect(() => checkAgainstLock(lock, withQueries({ q: base }, 'renamed'))).toThrow(/name: "renamed" was evolving/);
  });
  it.each(['', '{', '[]', '{"pipeline":"x"}', '{"pipeline":"x","queries":{"q":1}}'])(
    'that reads %j is called none',
    (text) => {
      expect(() => parseLock('x.lock.json', text)).toThrow(/^x\.lock\.json: is not a lock/);
    },
  );
});

describe('cdk synth', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-lock-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'p.ts');
  const pipeline = (size: string) =>
    `import { z } from 'zod'; import { count, definePipeline, tumbling } from 'tidemark';
     export default definePipeline({ name: 'p', event: z.object({ time: z.number() }), eventTime: (event) => event.time,
       watermark: { delay: '1 minute' }, queries: { q: { window: tumbling('${size}'), aggregates: { n: count() } } } });`;

  it('compares the file with the lock beside it, and only when there is one', () => {
    writeFileSync(file, pipeline('1 hour'));
    checkLock(file);
    const queries = { q: { window: 'tumbling 3600000 ms', groupBy: [], aggregates: { n: 'count' } } };
    writeFileSync(lockFileOf(file), JSON.stringify({ pipeline: 'p', queries }));
    checkLock(file);
    writeFileSync(file, pipeline('2 hours'));
    expect(() => checkLock(file)).toThrow(
      /queries\.q: "q" has changed: window was tumbling 3600000 ms and is tumbling 7200000 ms/,
    );
  });
});

describe('the functions', () => {
  it.each(incompatible)('refuse %s', async (_, query, reason) => {
    const state = memoryTable(itemStore());
    await checkDefinition(state, withQueries({ q: base }));
    await checkDefinition(state, withQueries({ q: base }));
    await expect(checkDefinition(state, withQueries({ q: query }))).rejects.toThrow(reason);
    await checkDefinition(state, withQueries({ q: base }));
  });
  it.each(compatible)('allow %s', async (_, queries) => {
    const state = memoryTable(itemStore());
    await checkDefinition(state, withQueries({ q: base }));
    await checkDefinition(state, withQueries(queries));
  });
  it('let a query that was taken out come back, until a window of it was passed by', async () => {
    const state = memoryTable(itemStore());
    await checkDefinition(state, withQueries({ q: base, other: base }));
    await checkDefinition(state, withQueries({ other: base }));
    await checkDefinition(state, withQueries({ q: base, other: base }));
    await notePassed(state, 'q', 3_600_000);
    await notePassed(state, 'q', 7_200_000);
    await expect(checkDefinition(state, withQueries({ q: base, other: base }))).rejects.toThrow(
      /1970-01-01T01:00:00.*another version/,
    );
    await checkDefinition(state, withQueries({ other: base }));
  });
});
