import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../functions/core/definition/sink.ts';
import { delivered, filesOf, hours, pipelineFile, sunkSystem, tableItems } from '../fixtures/sinks/sunk-system.ts';
import { command } from '../fixtures/system/command-line.ts';

const sunk = sunkSystem();

const finals = async () =>
  (await sunk.system.api.windows('byKind', { status: 'final' })).map(({ start, end, revision, records, rows }) => ({
    start,
    end,
    revision,
    records,
    rows,
  }));
const ofDelivery = ({ start, end, revision, records, rows }: Delivery) => ({ start, end, revision, records, rows });
const status = async (...words: readonly string[]) => {
  const ended = await command([
    'sinks',
    'status',
    '--pipeline',
    pipelineFile,
    '--port',
    new URL(sunk.system.local.url).port,
    '--json',
    ...words,
  ]);
  return Object.fromEntries(
    ended.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map((one) => [one.sink, one]),
  );
};

describe('the sinks of this machine', () => {
  it('get every final window whole, once, as the API shows it', async () => {
    const system = await sunk.start();
    await system.put(hours(5));
    await system.finalize({});
    const reports = await system.deliver();
    const windows = await finals();
    expect(windows.length).toBe(3);
    expect(reports).toMatchObject({
      hook: { outcome: 'done', delivered: 3, failed: 0, oldestMs: 0, deadLetters: 0 },
      lines: { delivered: 3 },
    });

    expect(delivered(sunk, '/').map(ofDelivery)).toEqual(windows);
    const rows = windows.flatMap(({ start, end, revision, rows: own }) =>
      own.map(({ key, values }) => ({ query: 'byKind', start, end, status: 'final', revision, ...key, ...values })),
    );
    expect(
      filesOf(sunk, 'lines')
        .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
        .map((line) => JSON.parse(line)),
    ).toEqual(rows);
    expect(filesOf(sunk, 'lines')[0]).toMatch(
      /query=byKind\/date=2026-01-01\/20260101T000000\.000Z-20260101T010000\.000Z-r000000\.jsonl$/,
    );
    const tables = await Promise.all(
      filesOf(sunk, 'parquet').map((file) => parquetReadObjects({ file: Uint8Array.from(readFileSync(file)).buffer })),
    );
    expect(tables.flat()).toEqual(rows.map((row) => ({ ...row, start: new Date(row.start), end: new Date(row.end) })));
    const each = readFileSync(join(sunk.folder, 'each.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(each).toEqual(windows.map(({ start, end, rows: own }) => ({ id: `byKind/${start}/${end}/0`, rows: own })));
    expect((await streamed()).map(ofDelivery)).toEqual(windows);
    const items = (await tableItems(sunk)).filter(({ query }) => query === 'byKind');
    expect(
      items.map(({ start, end, revision, records, rows: own }) => ({ start, end, revision, records, rows: own })),
    ).toEqual(
      windows.map((window) => ({ ...window, rows: window.rows.map(({ key, values }) => ({ ...key, ...values })) })),
    );

    // A run without new windows delivers nothing again.
    await system.finalize({});
    await system.deliver();
    expect(delivered(sunk, '/').length).toBe(3);
    expect(await status()).toMatchObject({
      hook: { delivered: 3, waiting: 0, dead: 0, served: true },
      queue: { delivered: 0, waiting: 0, served: false },
    });
  });

  it('hold back nobody else when one fails, which gives up, and gets everything by a redrive', async () => {
    const system = await sunk.start(['hook', 'lines', 'each']);
    sunk.receiver.answer = ({ path }) => (path === '/' ? 500 : 200);
    await system.put(hours(5));
    await system.finalize({});
    const reports = await system.deliver();
    const windows = await finals();
    // The three attempts are a second and two seconds apart. A run waits for them, and then tries the window behind.
    expect(reports).toMatchObject({
      hook: { delivered: 0, failed: 9, dead: 3, deadLetters: 3 },
      lines: { delivered: 3 },
      each: { delivered: 3 },
    });
    const failing = await status();
    expect(failing).toMatchObject({ hook: { delivered: 0, waiting: 0, dead: 3 }, lines: { delivered: 3, dead: 0 } });
    expect(failing['hook'].deadLetters[0]).toMatchObject({
      query: 'byKind',
      attempts: 3,
      reason: 'Error: the server answers 500',
    });

    sunk.receiver.answer = () => 200;
    const redrive = await command([
      'sinks',
      'redrive',
      'hook',
      '--pipeline',
      pipelineFile,
      '--port',
      new URL(system.local.url).port,
    ]);
    expect(redrive).toMatchObject({ code: 0, stdout: 'tidemark: hook: 3 windows are delivered once more\n' });
    expect(await system.deliver()).toMatchObject({ hook: { outcome: 'done', delivered: 3 } });
    expect(delivered(sunk, '/').map(ofDelivery)).toEqual(windows);
    expect(await status('hook')).toMatchObject({ hook: { waiting: 0, dead: 0 } });
  });

  it('lose nothing when the functions are killed while they deliver', async () => {
    const system = await sunk.start(['hook', 'lines'], 'data');
    await system.put(hours(8));
    let asked = 0;
    const killed = new Promise<void>((resolve) => {
      sunk.receiver.answer = () => {
        if (++asked === 3) void system.local.kill('functions').then(resolve);
        return 200;
      };
    });
    await system.finalize({});
    const delivering = system.deliver().catch(() => undefined);
    await killed;
    await system.local.restart('functions');
    await delivering;
    sunk.receiver.answer = () => 200;
    const windows = await finals();
    // The turn of the killed run lasts for as long as that run could have lasted.
    await expect
      .poll(
        async () => {
          await system.deliver();
          return new Set(delivered(sunk, '/').map(({ id }) => id)).size;
        },
        { timeout: 300_000, interval: 500 },
      )
      .toBe(windows.length);
    const latest = new Map(delivered(sunk, '/').map((delivery) => [delivery.id, ofDelivery(delivery)]));
    expect([...latest.values()].sort((left, right) => left.start - right.start)).toEqual(windows);
    expect(filesOf(sunk, 'lines').length).toBe(windows.length);
  });
});

async function streamed(): Promise<readonly Delivery[]> {
  const StreamName = 'tidemark-sunk-sink-records';
  const { ShardIterator } = await sunk.system.kinesis.send(
    new GetShardIteratorCommand({ StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const { Records = [] } = await sunk.system.kinesis.send(new GetRecordsCommand({ ShardIterator }));
  return Records.map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString()));
}
