import { availableParallelism, cpus, loadavg } from 'node:os';
import { benchAggregates } from './aggregates.bench.ts';
import { benchBatch } from './batch.bench.ts';
import { benchCodec } from './codec.bench.ts';
import { benchCold } from './cold.bench.ts';
import { benchCorners } from './corners.bench.ts';
import { benchCpu } from './cpu.bench.ts';
import { benchDedup } from './dedup.bench.ts';
import { benchEntries, benchOverlap } from './entries.bench.ts';
import { type Bench, type Figure, figureTable } from './figure.ts';
import { benchFold } from './fold.bench.ts';
import { benchLatency } from './latency.bench.ts';
import { benchMemory } from './memory.bench.ts';
import { benchPath } from './path.bench.ts';
import { benchQuery } from './query.bench.ts';
import { benchStream } from './stream.bench.ts';

/**
 * The benchmarks in the order in which they run. The one that is measured in this process runs first, while the process
 * is young.
 */
const benches: Readonly<Record<string, Bench>> = {
  fold: async (say) => [...(await benchFold(say)), ...(await benchAggregates(say))],
  corners: benchCorners,
  cold: benchCold,
  codec: benchCodec,
  cpu: benchCpu,
  writes: async (say) => [...(await benchEntries(say)), ...(await benchDedup(say))],
  path: benchPath,
  overlap: benchOverlap,
  batch: benchBatch,
  stream: benchStream,
  memory: benchMemory,
  latency: benchLatency,
  query: benchQuery,
};

const usage = `usage: npm run bench -- [${Object.keys(benches).join('] [')}] [--json]`;

/**
 * Measures all figures, or those that are named. Progress goes to stderr. The exit code is 2 for a wrong call, and 1
 * when a figure could not be measured.
 */
export async function bench(argv: readonly string[]): Promise<number> {
  const say = (line: string) => void process.stderr.write(`bench: ${line}\n`);
  const json = argv.includes('--json');
  const names = argv.filter((word) => word !== '--json');
  const unknown = names.find((name) => benches[name] === undefined);
  if (unknown !== undefined) {
    say(`${unknown} is not a figure: ${usage}`);
    return 2;
  }
  const machine = {
    date: new Date().toISOString(),
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    loadBefore: loadavg().map((load) => Number(load.toFixed(1))),
  };
  const figures: Figure[] = [];
  let exitCode = 0;
  for (const [name, run] of Object.entries(benches)) {
    if (names.length > 0 && !names.includes(name)) continue;
    try {
      figures.push(...(await run((line) => say(`${name}: ${line}`))));
    } catch (error) {
      say(`${name}: failed: ${error instanceof Error ? error.message : error}`);
      exitCode = 1;
    }
  }
  const { date, node, processor, cores, loadBefore } = machine;
  const about = `${date}, Node ${node}, ${cores} cores of ${processor}, load before ${loadBefore.join(' ')}`;
  process.stdout.write(
    `${json ? JSON.stringify({ machine, figures }) : `${about}\n${figureTable(figures)}\n${details(figures)}`}\n`,
  );
  return exitCode;
}

function details(figures: readonly Figure[]): string {
  return figures
    .map(({ name, details }) => {
      const parts = Object.entries(details).map(
        ([detail, value]) => `${detail} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`,
      );
      return `${name}: ${parts.join(', ')}`;
    })
    .join('\n');
}
