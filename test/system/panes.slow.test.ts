import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { inputFiles } from '../../cli/input/input-file.ts';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { runStream } from '../../cli/stream/stream-run.ts';
import { triggerOutput } from '../../cli/stream/trigger-output.ts';
import { type OutputMode, outputModes } from '../../functions/core/results/output-mode.ts';
import { type Line, parse } from '../fixtures/system/printed-rows.ts';
import { order, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
const pipeline = systemFixture('panes');
const folder = mkdtempSync(join(tmpdir(), 'tidemark-panes-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('tidemark stream --mode', () => {
  const files = [
    [0, 0, 1],
    [2, 0, 4],
    [4, 9],
  ].map((hours, i) => {
    const file = join(folder, `${i}.json`);
    writeFileSync(file, hours.map((hour, at) => order(t0 + hour * hourMs + at, at % 2 === 0 ? 'a' : 'b')).join('\n'));
    return file;
  });

  it('append and complete end with the same rows, and update with a row of each that stands', async () => {
    const definition = await loadPipeline(pipeline);
    const texts: Record<OutputMode, string> = { append: '', update: '', complete: '' };
    const outputs = outputModes.map((mode) => {
      const stdout = new Writable({
        write(chunk, _encoding, done) {
          texts[mode] += String(chunk);
          done();
        },
      });
      return triggerOutput(mode, definition.queries, 'json', { stdout });
    });
    const quiet = new Writable({ write: (_chunk, _encoding, done) => done() });
    await runStream(
      {
        pipeline: definition,
        pipelineFile: pipeline,
        files: inputFiles(files),
        shards: 1,
        trigger: { files: 1 },
        dataDir: undefined,
        start: 'fresh',
        process: {
          stdin: Readable.from([]),
          stdout: quiet,
          stderr: quiet,
          signal: new AbortController().signal,
          now: Date.now,
        },
        afterTrigger: async (running, trigger) => {
          for (const output of outputs) await output(running, trigger);
        },
      },
      async (_running, { conservation }) => expect(conservation).toMatchObject({ received: 8, holds: true }),
    );
    const [append, update, complete] = [parse(texts.append), parse(texts.update), parse(texts.complete)];
    const tableOf = (lines: readonly Line[]) =>
      new Map(lines.map(({ start, key, values }) => [`${start} ${key.kind}`, values.n]));
    expect(tableOf(append).size).toBe(append.length);
    expect(tableOf(update)).toEqual(tableOf(append));
    expect(tableOf(complete)).toEqual(tableOf(append));
    expect(update.length).toBeGreaterThan(append.length);
    expect(complete.length).toBeGreaterThan(update.length);
  });
});
