import { availableParallelism } from 'node:os';
import { type Figure, yardstick } from './figure.ts';
import { compareCounts, plainLoop } from './plain-loop.ts';
import { withSampleFiles } from './sample-files.ts';
import { tidemark } from './tidemark-command.ts';

/** The number of times that the 50 files of the sample are given, which makes 5 million lines. */
const repetitions = 50;

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
 * Measures `tidemark batch` over 5 million lines, as a user runs it and by its own clock, beside a loop written by hand
 * on one core.
 * @throws when the two counts differ
 */
export function benchBatch(say: (line: string) => void): Promise<readonly Figure[]> {
  return withSampleFiles(async (names) => {
    const args = (files: readonly string[]) => ['batch', ...files, '--pipeline', 'device-actions'];
    await tidemark(args(names)); // the launcher bundles what has changed; nobody pays for that twice
    const files = Array.from({ length: repetitions }, () => names).flat();
    say(`5 million lines on ${availableParallelism()} cores`);
    const ours = await tidemark(args(files));
    say('the same lines by the plain loop, on one core');
    const plain = await plainLoop(files);
    compareCounts('batch', ours, plain);
    const figure = (name: string, seconds: number): Figure => {
      const measured = { value: plain.lines / seconds, better: 'higher' } as const;
      return {
        ...measured,
        name,
        unit: 'lines/s',
        yardsticks: [
          yardstick(measured, 'readline + JSON.parse + Map', plain.lines / plain.seconds),
          ...Object.entries(documented).map(([other, value]) => yardstick(measured, other, value, 'documented')),
        ],
        target: {
          text: 'ahead of all',
          met: measured.value > Math.max(plain.lines / plain.seconds, ...Object.values(documented)),
        },
        details: {
          seconds,
          plainLoopSeconds: plain.seconds,
          lines: plain.lines,
          cores: availableParallelism(),
          machineSpeed: plain.lines / plain.seconds / documentedPlainLoop,
        },
      };
    };
    return [figure('batch, the whole command', ours.wallSeconds), figure('batch, by its own clock', ours.seconds)];
  });
}
