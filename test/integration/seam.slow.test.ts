import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { hourMs, lose, t0, windows } from '../fixtures/system/backfill.ts';
import { command } from '../fixtures/system/command-line.ts';
import { portOf } from '../fixtures/system/finalize-request.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-seam-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let system: System | undefined;
afterEach(async () => system?.close());

const pipeline = systemFixture('first-version');
/** Hours 0, 1 and 3, one that is late for hour 1, and 6. */
const events = [t0 + 1, t0 + hourMs + 1, t0 + 3 * hourMs, t0 + hourMs + 5, t0 + 6 * hourMs].map((time) => ({
  data: order(time, 'a', 1),
  shard: 0 as const,
}));
const until = String(t0 + 2 * hourMs);
const right = [
  [t0, 'final', 1],
  [t0 + hourMs, 'final', 2],
];

/** All windows are lost; one event is late for hour 1. */
async function lost(): Promise<System> {
  system = await startSystem({ pipelineFile: pipeline, pipelineName: 'versions', shards: 1 });
  for (const event of events) {
    await system.put([event]);
    await system.finalize({});
  }
  await lose(system, system.local.tableNames.windows);
  return system;
}

const run = (running: System, ...words: readonly string[]) =>
  command([...words, '--pipeline', pipeline, '--port', portOf(running), '--json']);

const counts = async (running: System) =>
  (await windows(running, 'perKind')).slice(0, 2).map(([start, status, records]) => [start, status, records]);

describe('a late event of a window that was lost', () => {
  it('is in it once when the window is made again first', async () => {
    const running = await lost();
    const filled = await run(running, 'backfill', '--until', until);
    expect(JSON.parse(filled.stdout), filled.stderr).toMatchObject({ written: 2, standing: 0, late: 1 });
    expect(await counts(running)).toEqual(right);
    const replayed = await run(running, 'late', 'replay');
    expect(JSON.parse(replayed.stdout), replayed.stderr).toMatchObject({ settled: 0, waiting: 0 });
    expect(await counts(running)).toEqual(right);
    const listed = await run(running, 'late', 'list');
    expect(JSON.parse(listed.stdout), listed.stderr).toMatchObject({ settled: 'backfilled' });
  });

  it('waits when it is replayed first, and files have to say whether they hold it', async () => {
    const running = await lost();
    const replayed = await run(running, 'late', 'replay');
    expect(JSON.parse(replayed.stdout), replayed.stderr).toMatchObject({ settled: 0, waiting: 1, windows: [] });
    expect((await windows(running, 'perKind')).filter(([, status]) => status === 'final')).toEqual([]);
    const file = join(folder, 'some.json');
    writeFileSync(file, events.map(({ data }) => `${data}\n`).join(''));
    const refused = await run(running, 'backfill', file, '--until', until);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^tidemark: --arrived-before is missing: 1 late events[^\n]*\n$/);
    const before = new Date(Date.now()).toISOString();
    const filled = await run(running, 'backfill', file, '--until', until, '--arrived-before', before);
    expect(JSON.parse(filled.stdout), filled.stderr).toMatchObject({ written: 2, late: 1 });
    expect(await counts(running)).toEqual(right);
    const again = await run(running, 'late', 'replay');
    expect(JSON.parse(again.stdout), again.stderr).toMatchObject({ settled: 0, waiting: 0 });
    expect(await counts(running)).toEqual(right);
  });
});
