import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { openTarget } from '../../functions/sinks/file.ts';
import { DeliveryRefused } from '../../functions/state/sinks/delivery.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-file-sink-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const target = (format: 'json' | 'parquet') =>
  openTarget({
    sink: { name: 'files', kind: 'file', format } as Sink,
    target: folder,
    secret: undefined,
    secretArn: undefined,
    bucketIn: 'path',
  });

const pane = (n: number, mode: 'append' | 'complete' = 'append'): Delivery => {
  const window = { query: 'q', start: 0, end: 60_000, status: 'final' as const, revision: 0 };
  const whole = { ...window, rows: [{ key: { kind: 'a' }, values: { n } }] } as unknown as Delivery;
  return { ...whole, id: 'q/0/60000/0', pipeline: 'p', mode, ...(mode === 'complete' ? { table: [whole] } : {}) };
};

const files = async () =>
  (await readdir(folder, { recursive: true })).filter((name) => /\.(jsonl|parquet)$/.test(name));

describe.each(['json', 'parquet'] as const)('a file sink of %s', (format) => {
  it('takes the same pane twice', async () => {
    await target(format).deliver(pane(1));
    await target(format).deliver(pane(1));
    expect(await files()).toHaveLength(1);
  });

  it("refuses a pane in whose place another run's result is, and leaves that as it is", async () => {
    await target(format).deliver(pane(1));
    const [name = ''] = await files();
    const before = await readFile(join(folder, name));
    const error = await target(format)
      .deliver(pane(2))
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DeliveryRefused);
    expect(String(error)).toContain(name);
    expect(await readFile(join(folder, name))).toEqual(before);
  });

  it('takes a table that has grown between two attempts', async () => {
    await target(format).deliver(pane(1, 'complete'));
    await expect(target(format).deliver(pane(2, 'complete'))).resolves.toBeUndefined();
  });
});

it('is of one writer when two of other results come at a time, and the other is refused', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => target('json').deliver(pane(n))));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(refused.every((reason) => reason instanceof DeliveryRefused)).toBe(true);
  const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
  const [name = ''] = await files();
  expect(JSON.parse(await readFile(join(folder, name), 'utf8'))).toMatchObject({ n: winner });
  expect((await readdir(folder, { recursive: true })).filter((each) => each.endsWith('.draft'))).toEqual([]);
});
