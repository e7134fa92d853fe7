import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputFiles } from '../../cli/input/input-file.ts';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { runStream } from '../../cli/stream/stream-run.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { createDelayTable } from '../../functions/core/static/delay-table.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { command } from '../fixtures/system/command-line.ts';

/** The number of events: the first earthquakes of the week, enough for dozens of late ones. */
const events = 80;
const root = findPackageRoot();
const pipelineFile = join(root, 'test', 'fixtures', 'delay', 'pipeline.ts');
const folder = mkdtempSync(join(tmpdir(), 'tidemark-delay-'));
const file = join(folder, 'some.ndjson');
const lines = readFileSync(join(root, 'examples', 'earthquakes', 'earthquakes.ndjson'), 'utf8')
  .split('\n')
  .slice(0, events);
writeFileSync(file, `${lines.join('\n')}\n`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  /** The lines that were late for all queries that want them, and the late (line, query) pairs. */
  readonly late: number;
  readonly pairs: readonly string[];
}

async function stream(triggerRecords: number): Promise<Run> {
  const quiet = { write: () => true } as unknown as NodeJS.WriteStream;
  const process = {
    stdin: globalThis.process.stdin,
    stdout: quiet,
    stderr: quiet,
    signal: new AbortController().signal,
    now: Date.now,
  };
  return runStream(
    {
      pipeline: await loadPipeline(pipelineFile),
      pipelineFile,
      files: inputFiles([file]),
      shards: 1,
      trigger: { records: triggerRecords },
      dataDir: undefined,
      start: 'fresh',
      process,
    },
    async (system, { startedAt, conservation }) => {
      expect(conservation.holds).toBe(true);
      const side = await system.api.late({ from: startedAt, to: Date.now() + 1 });
      return { late: conservation.late, pairs: side.map(({ query, payload }) => `${query} ${payload}`).sort() };
    },
  );
}

/**
 * The late (line, query) pairs by the definition: W is the greatest event time so far minus the delay, and a window is
 * closed once W has reached its end.
 */
async function latePairs(): Promise<readonly string[]> {
  const { delayMs, queries, ...pipeline } = await loadPipeline(pipelineFile);
  let watermark = Number.NEGATIVE_INFINITY;
  const late: string[] = [];
  for (const line of lines) {
    const read = eventReader({ ...pipeline, delayMs, queries }).text(line, Date.now());
    if (read.outcome === 'rejected') continue;
    for (const { name, index, window } of queries)
      if (
        read.keys[index] !== undefined &&
        window.closings(window.sliceOf(read.time)).every((closing) => closing <= watermark)
      )
        late.push(`${name} ${line}`);
    watermark = Math.max(watermark, read.time - delayMs);
  }
  return late.sort();
}

describe('the delay table and a stream of one shard', () => {
  let byRecord: Run;

  beforeAll(async () => {
    byRecord = await stream(1);
  });

  it('agree to the record when every record is a trigger', async () => {
    const { stdout } = await command(['delay', file, '--pipeline', pipelineFile, '--delays', '1h', '--json']);
    const [row] = stdout.split('\n').map((line) => line !== '' && JSON.parse(line));
    expect(byRecord.pairs).toEqual(await latePairs());
    expect({ late: byRecord.late, latePairs: byRecord.pairs.length }).toEqual({
      late: row.late,
      latePairs: row.latePairs,
    });
    expect(row.late).toBeGreaterThan(20);
    const pipeline = await loadPipeline(pipelineFile);
    const table = createDelayTable(pipeline, [pipeline.delayMs]);
    for (const line of lines) {
      const read = eventReader(pipeline).text(line, Date.now());
      if (read.outcome === 'accepted') table.add(read);
    }
    expect(table.rows()[0]).toMatchObject({ late: row.late, latePairs: row.latePairs });
  });

  it('agree that it is an upper bound for larger triggers', async () => {
    const { late, pairs } = await stream(10);
    const bound = new Set(byRecord.pairs);
    expect(pairs.filter((pair) => !bound.has(pair))).toEqual([]);
    expect(late).toBeLessThanOrEqual(byRecord.late);
    expect(pairs.length).toBeGreaterThan(0);
  });
});
