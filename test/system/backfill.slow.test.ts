import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { around, backfill, before, filled, from, hourMs, lose, t0, windows } from '../fixtures/system/backfill.ts';
import { ask } from '../fixtures/system/finalize-request.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-backfill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let system: System | undefined;
afterEach(async () => system?.close());

/** Deploys a version of the pipeline over the state that the previous version left. */
async function deploy(version: string, data: string): Promise<System> {
  system = await startSystem({
    dataDir: join(folder, data),
    pipelineFile: systemFixture(version),
    pipelineName: 'versions',
  });
  return system;
}

describe('a version with a from', () => {
  it('counts the stream from there on, is filled up to there out of the stream, and takes the name only then', async () => {
    const first = await deploy('first-version', 'stream');
    await first.put(before);
    await first.close();
    const both = await deploy('backfilled-version', 'stream');
    expect(await backfill(both, [])).toContain(
      'perKind@2 is to be filled until 2026-01-01 02:00 UTC: the watermark is',
    );
    await both.put(around);
    await ask(both, {});
    expect(await windows(both, 'perKind@2')).toEqual(filled.slice(2));
    expect((await both.get('conservation')).body).toMatchObject({ received: 9, counted: 8, rejected: 1, holds: true });
    await expect(ask(both, { request: 'alias', query: 'perKind@2' })).rejects.toThrow(
      /is not filled up to 2026-01-01T02:00:00.000Z.*tidemark backfill/,
    );

    const events = { received: 9, counted: 4, late: 0, duplicate: 0, rejected: 1, filtered: 4 };
    expect(await backfill(both, [])).toEqual({
      query: 'perKind@2',
      since: null,
      until: from,
      written: 2,
      standing: 0,
      late: 0,
      epoch: expect.any(Number),
      filledThrough: from,
      events,
    });
    expect(await windows(both, 'perKind@2')).toEqual(filled);
    expect(await backfill(both, [])).toMatchObject({ written: 0, standing: 2 });
    expect(await ask(both, { request: 'alias', query: 'perKind@2' })).toEqual({ serves: 'perKind@2' });
    expect(await windows(both, 'perKind')).toEqual(filled);
    // The windows that the two versions have in common are equal, wherever they were counted.
    const first3 = (await windows(both, 'perKind@1')).map(([start, , records]) => [start, records]);
    expect(first3).toEqual(filled.map(([start, , records]) => [start, records]));
  });

  it('is filled out of files, in parts too, before the stream has brought anything', async () => {
    const alone = await deploy('backfilled-version', 'files');
    const file = join(folder, 'history.json');
    writeFileSync(file, [...before, ...around].map(({ data }) => `${data}\n`).join(''));
    const late = new Date(t0 + hourMs).toISOString();
    expect(await backfill(alone, [file, '--since', late])).toMatchObject({ written: 1, filledThrough: null });
    expect(await backfill(alone, [file, '--since', String(t0 + 1)])).toContain(
      'is not an edge of tumbling 3600000 ms windows',
    );
    expect(await backfill(alone, [file, '--until', String(from + hourMs)])).toContain(
      'is after what the stream has left behind for good',
    );
    expect(await backfill(alone, [file, '--until', late])).toMatchObject({ written: 1, filledThrough: t0 + hourMs });
    expect(await backfill(alone, [file])).toMatchObject({ written: 0, standing: 2, filledThrough: from });
    expect(await windows(alone, 'perKind@2')).toEqual(filled.slice(0, 2));
    expect(await ask(alone, { request: 'alias', query: 'perKind@2' })).toEqual({ serves: 'perKind@2' });
  });

  it('does not take the name when records after its from were committed without it', async () => {
    const first = await deploy('first-version', 'missed');
    await first.put([...before, { data: order(from + 5, 'a', 1), shard: 1 }]);
    await first.close();
    const both = await deploy('backfilled-version', 'missed');
    const missed =
      /records up to 2026-01-01T02:00:00.005Z came before it was deployed everywhere.*the next version a from that is still ahead/;
    await expect(ask(both, { request: 'alias', query: 'perKind@2' })).rejects.toThrow(missed);
    // From its next batch on, the shard's own progress knows the version: the records that came without it are noted.
    await both.put([{ data: order(from + 6, 'a', 1), shard: 1 }]);
    await expect(ask(both, { request: 'alias', query: 'perKind@2' })).rejects.toThrow(missed);
  });
});

describe('windows that were lost', () => {
  it('are made again with the state lost too: the query begins anew ahead of the stream, and is filled up to there', async () => {
    const again = await deploy('backfilled-version', 'all-lost');
    await again.put(before);
    await lose(again, again.local.tableNames.windows);
    expect(await lose(again, again.local.tableNames.state)).toBeGreaterThan(0);
    await again.local.kill('functions'); // a deployment: no container remembers what was lost
    await again.put(around);
    await ask(again, {});
    expect(await backfill(again, [])).toMatchObject({ written: 2, standing: 0 });
    expect(await windows(again, 'perKind@2')).toEqual(filled);
  });
});
