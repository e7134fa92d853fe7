import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../cli/package-root.ts';
import { generateOpenClose, openCloseDefaults } from '../../cli/sample/open-close.ts';

/** A figure beside its yardstick, both measured in the same run. */
export interface BatchFigure {
  readonly name: string;
  /** Higher is better, as for the yardstick. */
  readonly ours: number;
  readonly yardstick: number;
  readonly ratio: number;
  readonly unit: string;
  readonly yardstickName: string;
  readonly seconds: number;
  readonly yardstickSeconds: number;
  readonly lines: number;
  readonly cores: number;
}

/** The 50 files of the sample are given so many times: 5 million lines. */
const repetitions = 50;

/**
 * `tidemark batch` over 5 million lines as a user runs it, and by its own clock, beside the loop that one would write by hand on one core.
 * @throws when the two do not count the same
 */
export async function benchBatch(): Promise<readonly BatchFigure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-batch-'));
  try {
    const names: string[] = [];
    for (const { name, bytes } of generateOpenClose({ ...openCloseDefaults, quality: 'clean' }).files) {
      names.push(path.join(folder, name));
      await writeFile(path.join(folder, name), bytes);
    }
    await tidemarkBatch(names); // the launcher bundles what has changed; nobody pays for that twice
    const files = Array.from({ length: repetitions }, () => names).flat();
    const ours = await tidemarkBatch(files);
    const plain = await plainLoop(files);
    if (JSON.stringify(ours.counts) !== JSON.stringify(plain.counts)) throw new Error('batch and the plain loop count differently');
    const figure = (name: string, seconds: number): BatchFigure => ({
      name,
      ours: plain.lines / seconds,
      yardstick: plain.lines / plain.seconds,
      ratio: plain.seconds / seconds,
      unit: 'lines/s',
      yardstickName: 'readline + JSON.parse + Map',
      seconds,
      yardstickSeconds: plain.seconds,
      lines: plain.lines,
      cores: availableParallelism(),
    });
    return [figure('batch, the whole command', ours.wallSeconds), figure('batch, by its own clock', ours.seconds)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Counts by `start action`, sorted. */
type Counts = readonly (readonly [string, number])[];

async function tidemarkBatch(files: readonly string[]): Promise<{ readonly counts: Counts; readonly seconds: number; readonly wallSeconds: number }> {
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    [path.join(packageRoot, 'cli', 'tidemark.mjs'), 'batch', ...files, '--pipeline', 'device-actions', '--json'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk;
  const code = await ended;
  if (code !== 0) throw new Error(`tidemark batch ended with exit code ${code}`);
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const counts = lines.slice(0, -1).map(({ start, key, values }) => [`${start} ${key.action}`, values.count] as const);
  return { counts: sorted(counts), seconds: lines.at(-1).seconds, wallSeconds: (performance.now() - startedMs) / 1000 };
}

/** No validation, no checks, no rejects: the least that gives the answer on clean input. */
async function plainLoop(files: readonly string[]): Promise<{ readonly counts: Counts; readonly seconds: number; readonly lines: number }> {
  const startedMs = performance.now();
  const counts = new Map<string, number>();
  let lines = 0;
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const event = JSON.parse(line);
      const key = `${Math.floor(event.time / 3600) * 3_600_000} ${event.action}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      lines++;
    }
  }
  return { counts: sorted([...counts]), seconds: (performance.now() - startedMs) / 1000, lines };
}

function sorted(counts: Counts): Counts {
  return [...counts].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}
