import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../cli/program/package-root.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';
import type { Figure } from './figure.ts';
import { withSampleFiles } from './sample-files.ts';

/** An hour of 1,000 events a second. */
const events = 3_600_000;
const filesATrigger = 10;
const files = 36 * filesATrigger;
const sampleMs = 500;
const megabyte = 1024 * 1024;
const endWithParent = pathToFileURL(path.join(packageRoot, 'test', 'bench', 'end-with-parent.mjs')).href;

/** The memory of a command at a moment, in bytes, by process. */
type Sample = ReadonlyMap<string, number>;

/**
 * Measures the memory of `tidemark stream` while it takes as many events as an hour of 1,000 a second brings, as fast
 * as it can: all processes of the command together, and the largest of them. The state is as large as after the hour,
 * for it follows the events and not the clock.
 * @throws where the operating system does not tell the memory of processes (Linux does), and when events are lost
 */
export function benchMemory(say: (line: string) => void): Promise<readonly Figure[]> {
  return withSampleFiles(
    async (names) => {
      say(`${events} events in ${files / filesATrigger} triggers, 4 shards`);
      const options = [
        '--pipeline',
        'device-actions',
        '--shards',
        '4',
        '--max-files-per-trigger',
        String(filesATrigger),
      ];
      const args = ['stream', ...names, ...options];
      const child = spawn(
        process.execPath,
        ['--import', endWithParent, path.join(packageRoot, 'cli', 'tidemark.mjs'), ...args, '--json'],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors = (errors + text).slice(-20_000);
      });
      let ended: number | null | undefined;
      const end = new Promise<void>((resolve, reject) =>
        child.on('error', reject).on('close', (code) => {
          ended = code;
          resolve();
        }),
      );
      const samples: Sample[] = [];
      while (ended === undefined) {
        if (child.pid !== undefined) samples.push(memoryBelow(child.pid));
        await Promise.race([end, sleep(sampleMs)]);
      }
      if (ended !== 0) throw new Error(`tidemark stream ended with ${ended}: ${errors.trim().split('\n').at(-1)}`);
      const { conservation, seconds } = printedCounters(errors);
      if (conservation.counted !== events) throw new Error(`stream counted ${conservation.counted} events`);
      const total = (sample: Sample) => [...sample.values()].reduce((sum, bytes) => sum + bytes, 0);
      const greatest = samples.reduce<Sample>((left, right) => (total(right) > total(left) ? right : left), new Map());
      const half = samples.slice(Math.floor(samples.length / 4), Math.floor(samples.length / 2));
      const figure = {
        name: `stream, memory of all its processes at most, ${events} events`,
        value: total(greatest) / megabyte,
        unit: 'MB',
        better: 'lower',
        yardsticks: [],
        details: {
          largestProcessMb: Math.max(...samples.flatMap((sample) => [...sample.values()])) / megabyte,
          processes: greatest.size,
          atMostInTheSecondQuarterMb: Math.max(...half.map(total)) / megabyte,
          seconds,
          eventsPerSecond: events / seconds,
        },
      } as const;
      return [figure];
    },
    { events, files },
  );
}

/** The resident memory of a process and of all below it. */
function memoryBelow(pid: number): Sample {
  const parents = new Map<string, string>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = textOf(`/proc/${name}/stat`);
    // The name of the program, in parentheses, may hold anything.
    const [, parent] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
    if (parent !== undefined) parents.set(name, parent);
  }
  const isBelow = (name: string | undefined): boolean =>
    name !== undefined && (name === String(pid) || isBelow(parents.get(name)));
  const found = new Map<string, number>();
  for (const name of parents.keys()) {
    if (!isBelow(name)) continue;
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${name}/status`) ?? '') ?? [];
    if (kilobytes !== undefined) found.set(name, Number(kilobytes) * 1024);
  }
  return found;
}

/** The text of a file; undefined when its process has ended meanwhile. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
