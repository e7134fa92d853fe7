import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { createFeeder } from '../../functions/feeder/feeder.ts';
import { linePartitionKey } from '../../functions/feeder/partition-key.ts';
import { readLines } from '../../functions/formats/lines.ts';
import type { CommandProcess } from '../program/command.ts';
import { endlessFrom, endlessOpenClose } from '../sample/endless.ts';
import type { Embedded } from '../stream/embedded.ts';

/** The speed of event time against the clock: an hour, which is a window, passes in a quarter of a minute. */
const speed = 240;
const tickMs = 500;

/**
 * Leaves the system live: the sample's next days arrive without end, and windows close behind them.
 * @returns when the command is interrupted
 */
export async function keepFeeding(
  system: Embedded,
  pipeline: Pipeline,
  seed: number,
  { signal, now }: CommandProcess,
): Promise<void> {
  const { kinesis, local } = system;
  const feeder = createFeeder({
    kinesis,
    streamName: local.streamName,
    packing: 'single',
    partitionKey: linePartitionKey(pipeline),
    signal,
  });
  const endless = endlessOpenClose(seed);
  const began = now();
  const ended = new AbortController();
  local.onExit((error) => ended.abort(error));
  const until = AbortSignal.any([signal, ended.signal]);
  while (!until.aborted) {
    const lines = endless.until(endlessFrom + Math.floor(((now() - began) * speed) / 1000));
    await feeder.putLines(readLines(Readable.from([lines])), 'live');
    await feeder.flush();
    await system.finalize({});
    await delay(tickMs, undefined, { signal: until }).catch(() => undefined);
  }
  if (ended.signal.aborted) throw ended.signal.reason;
}
