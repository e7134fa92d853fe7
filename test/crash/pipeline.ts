import { openSync, unlinkSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { z } from 'zod';
import { count, definePipeline, max, min, sum, tumbling } from '../../functions/core/index.ts';

/**
 * The pipeline of the crash test. The sum of the ids beside the count tells whose records a window holds: when one
 * record is lost and another one is counted twice, the count stays the same, but this sum does not. The delay is half
 * as long as the disorder, so that some events are late.
 *
 * In an execution environment (a thread of the functions' process, which no `kill -9` can choose) it does two more
 * things in the folder where the system was started. It counts every reading of an event, repeated ones too. And it
 * ends its thread at once when it is told to.
 */
if (!isMainThread) endWhenTold(process.env.AWS_LAMBDA_FUNCTION_NAME ?? '');

/** The interval (ms) at which an environment checks whether it is to end. */
const lookEveryMs = 5;

function endWhenTold(functionName: string): void {
  const order = `kill-${functionName}`;
  setInterval(() => {
    try {
      unlinkSync(order); // of several environments one succeeds
    } catch {
      return;
    }
    process.exit(137);
  }, lookEveryMs).unref();
}

let readings: number | undefined;

/** Counts an event by one byte in a file, so that nothing is lost when the process is killed. */
function countReading(): void {
  if (isMainThread) return;
  readings ??= openSync('readings', 'a');
  writeSync(readings, '.');
}

export default definePipeline({
  name: 'crash',
  event: z.object({ id: z.number(), time: z.number(), kind: z.string() }),
  eventTime: (event) => {
    countReading();
    return event.time;
  },
  watermark: { delay: '1 minute', idle: '1 hour' },
  queries: {
    perMinute: {
      groupBy: ['kind'],
      expectedKeys: 5,
      window: tumbling('1 minute'),
      aggregates: { n: count(), ids: sum('id'), least: min('id'), most: max('id') },
    },
    perGroup: {
      where: (event) => event.kind !== 'free',
      groupBy: { group: (event) => String(event.id % 200) },
      expectedKeys: 10,
      window: tumbling('10 minutes'),
      aggregates: { n: count(), ids: sum('id') },
    },
  },
});
