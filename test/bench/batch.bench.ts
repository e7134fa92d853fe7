import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { packageRoot } from '../../cli/program/package-root.ts';
import { type Figure, median, yardstick } from './figure.ts';
import { measuredProcess } from './measured-process.ts';
import { compareCounts, plainLoop } from './plain-loop.ts';
import { withSampleFiles } from './sample-files.ts';
import { type CommandRun, rowsIn, tidemark } from './tidemark-command.ts';

/** The number of times that the 50 files of the sample are given, which makes 5 million lines. */
const repetitions = 50;

/** So often are `batch` and DuckDB run by turns. */
const rounds = 3;

/** The bytes of the line file, and of the one line, whose memory is measured. */
const largeBytes = 400_000_000;

/**
 * Lines per second of the plain loop when and where the documented figures were measured. It is the measure of that
 * machine.
 */
const documentedPlainLoop = 700_000;

/** Lines per second over the same 5 million lines on two cores, from issue 3, measured on a machine of this kind. */
const documented = {
  'Spark 4.1 local[2]': 5_000_000 / 19,
  'Spark 4.1 local[2], warm': 5_000_000 / 5.5,
  'Flink 2.2, two cores': 2 * 640_000,
} as const;

/**
 * Measures `tidemark batch` over 5 million lines, as a user runs it and by its own clock, beside DuckDB by turns and a
 * loop written by hand on one core. Then its memory over large files.
 * @throws when two counts differ
 */
export function benchBatch(say: (line: string) => void): Promise<readonly Figure[]> {
  return withSampleFiles(async (names) => {
    const folder = path.dirname(names[0] ?? '');
    const run = (files: readonly string[]) => tidemark(['batch', ...files, '--pipeline', 'device-actions']);
    await run(names); // the launcher bundles what has changed; nobody pays for that twice
    const files = Array.from({ length: repetitions }, () => names).flat();
    const cores = availableParallelism();
    say(`5 million lines on ${cores} cores, by turns with DuckDB`);
    const list = path.join(folder, 'files.json');
    await writeFile(list, JSON.stringify(files));
    const turns: { readonly ours: CommandRun; readonly duckdb: Counted }[] = [];
    for (let round = 0; round < rounds; round++) turns.push({ ours: await run(files), duckdb: await duckdb(list) });
    say('the same lines by the plain loop, on one core');
    const plain = await plainLoop(files);
    for (const { ours, duckdb } of turns) for (const one of [ours, duckdb]) compareCounts('a run', one, plain);
    const middle = (of: (turn: (typeof turns)[number]) => number) => median(turns.map(of));
    const other = middle(({ duckdb }) => duckdb.wallSeconds);
    const share = middle(({ ours, duckdb }) => duckdb.wallSeconds / ours.wallSeconds);
    const figure = (name: string, seconds: number, target: Figure['target']): Figure => {
      const measured = { value: plain.lines / seconds, better: 'higher' } as const;
      return {
        ...measured,
        name,
        unit: 'lines/s',
        yardsticks: [
          { name: 'DuckDB 1.5, whole process', value: plain.lines / other, ratio: share, source: 'this run' },
          yardstick(measured, 'readline + JSON.parse + Map', plain.lines / plain.seconds),
          ...Object.entries(documented).map(([by, value]) => yardstick(measured, by, value, 'documented')),
        ],
        ...(target === undefined ? {} : { target }),
        details: {
          seconds,
          duckdbSeconds: other,
          shareOfDuckdb: turns.map(({ ours, duckdb }) => (duckdb.wallSeconds / ours.wallSeconds).toFixed(2)).join(' '),
          plainLoopSeconds: plain.seconds,
          lines: plain.lines,
          cores,
          machineSpeed: plain.lines / plain.seconds / documentedPlainLoop,
        },
      };
    };
    return [
      figure(
        'batch, the whole command',
        middle(({ ours }) => ours.wallSeconds),
        { text: 'half of DuckDB', met: share >= 0.5 },
      ),
      figure(
        'batch, by its own clock',
        middle(({ ours }) => ours.seconds),
        undefined,
      ),
      ...(await memory(folder, names, run, turns, say)),
    ];
  });
}

/** The counts of a process. */
type Counted = Pick<CommandRun, 'rows' | 'wallSeconds' | 'peakMB'>;

async function duckdb(list: string): Promise<Counted> {
  const script = path.join(packageRoot, 'test', 'bench', 'duckdb-count.mjs');
  const { output, wallSeconds, peakMB } = await measuredProcess([script, list]);
  return { rows: rowsIn(output), wallSeconds, peakMB };
}

/** The greatest memory over 5 million lines, over one file of many lines, and over a file that is one line. */
async function memory(
  folder: string,
  names: readonly string[],
  run: (files: readonly string[]) => Promise<CommandRun>,
  turns: readonly { readonly ours: Counted; readonly duckdb: Counted }[],
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  say('memory: a file of 400 MB, as lines and as one line');
  const lines = Buffer.concat(await Promise.all(names.map((name) => readFile(name))));
  const manyLines = await filled(path.join(folder, 'lines.json'), lines);
  const end = `${'x'.repeat(1000)}"}\n`;
  const line = Buffer.from('x'.repeat(1_000_000));
  const oneLine = await filled(path.join(folder, 'line.json'), line, { start: '{"action":"', end });
  const figure = (name: string, peakMB: number, than?: number): Figure => ({
    name,
    value: peakMB,
    better: 'lower',
    unit: 'MB',
    yardsticks: than === undefined ? [] : [yardstick({ value: peakMB, better: 'lower' }, 'DuckDB 1.5', than)],
    details: {},
  });
  const overLines = await run([manyLines]);
  const overLine = await run([oneLine, ...names]);
  return [
    figure(
      'batch, peak memory, 5 M lines',
      median(turns.map(({ ours }) => ours.peakMB)),
      median(turns.map(({ duckdb }) => duckdb.peakMB)),
    ),
    figure('batch, peak memory, a file of 400 MB of lines', overLines.peakMB),
    figure('batch, peak memory, a line of 400 MB', overLine.peakMB),
  ];
}

/** A file of a piece over and over, until it is large. */
async function filled(file: string, piece: Buffer, { start = '', end = '' } = {}): Promise<string> {
  const stream = createWriteStream(file);
  stream.write(start);
  for (let bytes = 0; bytes < largeBytes; bytes += piece.length)
    if (!stream.write(piece)) await new Promise<void>((resolve) => void stream.once('drain', () => resolve()));
  stream.end(end);
  await finished(stream);
  return file;
}
