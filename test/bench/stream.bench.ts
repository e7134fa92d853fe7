import { type Figure, yardstick } from './figure.ts';
import { compareCounts, plainLoop } from './plain-loop.ts';
import { withSampleFiles } from './sample-files.ts';
import { tidemark } from './tidemark-command.ts';

/**
 * Seconds that Spark 4.1 `local[2]` took over the same 50 files, one a trigger: by its own clock, and as a whole
 * process. From issue 17, measured side by side with ours (7.2 and 9.9 s then) on a machine of this kind.
 */
const sparkSeconds = 33;
const sparkWholeSeconds = 42.9;
const leastTimesSpark = 10;

/**
 * Measures `tidemark stream` over the 50 clean files of the sample, one a trigger: the whole system, embedded, until
 * the last window is final.
 * @throws when its counts differ from those of the plain loop over the same files
 */
export function benchStream(say: (line: string) => void): Promise<readonly Figure[]> {
  return withSampleFiles(async (files) => {
    say('100,000 events in 50 triggers, 4 shards');
    const args = (some: readonly string[]) => [
      'stream',
      ...some,
      '--pipeline',
      'device-actions',
      '--shards',
      '4',
      '--max-files-per-trigger',
      '1',
    ];
    await tidemark(args(files.slice(0, 1))); // bundles what has changed
    const ours = await tidemark(args(files));
    say('the same events by the plain loop');
    const plain = await plainLoop(files);
    compareCounts('stream', ours, plain);
    const perSecond = (seconds: number) => plain.lines / seconds;
    const measured = { value: perSecond(ours.seconds), better: 'higher' } as const;
    const whole = { value: perSecond(ours.wallSeconds), better: 'higher' } as const;
    const details = {
      seconds: ours.seconds,
      wholeCommandSeconds: ours.wallSeconds,
      sparkSeconds,
      sparkWholeSeconds,
      plainLoopSeconds: plain.seconds,
      writeUnits: ours.writeUnits ?? 'unknown',
    };
    return [
      {
        ...measured,
        name: 'stream, 50 triggers',
        unit: 'events/s',
        yardsticks: [
          yardstick(measured, 'Spark 4.1 local[2]', perSecond(sparkSeconds), 'documented'),
          yardstick(measured, 'readline + JSON.parse + Map, no system', perSecond(plain.seconds)),
        ],
        target: {
          text: `at least ${leastTimesSpark} times Spark`,
          met: sparkSeconds / ours.seconds >= leastTimesSpark,
        },
        details,
      },
      {
        ...whole,
        name: 'stream, the whole command, start and stop included',
        unit: 'events/s',
        yardsticks: [yardstick(whole, 'Spark 4.1 local[2] with its start', perSecond(sparkWholeSeconds), 'documented')],
        details: { seconds: ours.wallSeconds },
      },
    ];
  });
}
