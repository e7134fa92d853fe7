import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { KinesisStreamEvent } from 'aws-lambda';
import { noEvents } from '../../functions/core/events/counters.ts';
import { isAfter } from '../../functions/core/events/sequence-number.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { streamRecords } from '../../functions/kinesis/records.ts';
import { type Chunk, foldChunk, readRecords } from '../../functions/state/log/chunk.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { eventJson, toEventRecord } from '../../infra/local/mapping/kinesis-event.ts';
import pipeline from '../../pipelines/device-actions.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { type Figure, median, yardstick } from './figure.ts';

const recordsInBatch = 10_000;
const warmUpRounds = 20;
const rounds = 60;
const leastRatio = 0.66;
/** Of the bare loop's speed, for a whole invocation. */
const leastOfInvocation = 0.75;
const shardId = 'shardId-000000000000';

/**
 * Measures the fold of one batch of 10,000 records with one event each, from Lambda's event to the folded chunk,
 * validation included. Measures a whole aggregate invocation whose tables answer at once as well. Both stand beside the
 * least that any consumer has to do: decoding Base64 and parsing JSON.
 * @throws when the two counts differ
 */
export async function benchFold(say: (line: string) => void): Promise<readonly Figure[]> {
  const collectGarbage = garbageCollector();
  const apply = invocation();
  const times = { bare: [] as number[], fold: [] as number[], invocation: [] as number[] };
  say(`${warmUpRounds + rounds} rounds of ${recordsInBatch} records, by turns with the bare loop`);
  const text = batchText();
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    // Each measurement has its own copy of the event, as fresh as Lambda's, and starts without garbage of others.
    const timed = async <T>(into: number[], run: (event: KinesisStreamEvent) => T | Promise<T>): Promise<T> => {
      const event = renumbered(JSON.parse(text) as KinesisStreamEvent, round);
      collectGarbage();
      const startedMs = performance.now();
      const result = await run(event);
      if (round >= warmUpRounds) into.push(performance.now() - startedMs);
      return result;
    };
    const opens = await timed(times.bare, bareLoop);
    const chunk = await timed(times.fold, fold);
    await timed(times.invocation, apply);
    if (round === 0) compare(opens, chunk);
  }
  const bareMs = median(times.bare);
  const foldMs = median(times.fold);
  const invocationMs = median(times.invocation);
  const perSecond = (ms: number) => recordsInBatch / (ms / 1000);
  const figure = (
    name: string,
    ms: number,
    target: NonNullable<Figure['target']>,
    besideFold: 'with the fold' | 'alone',
  ): Figure => {
    const measured = { value: perSecond(ms), better: 'higher' } as const;
    return {
      ...measured,
      name,
      unit: 'records/s',
      yardsticks: [
        yardstick(measured, 'base64 -> JSON.parse alone', perSecond(bareMs)),
        ...(besideFold === 'alone' ? [] : [yardstick(measured, 'the fold alone', perSecond(foldMs))]),
      ],
      target,
      details: { msPerBatch: ms, bareMsPerBatch: bareMs, rounds },
    };
  };
  return [
    figure(
      'fold of a 10,000-record batch',
      foldMs,
      { text: `at least ${leastRatio} of the bare loop`, met: bareMs / foldMs >= leastRatio },
      'alone',
    ),
    figure(
      'the whole invocation, tables in memory',
      invocationMs,
      { text: `at least ${leastOfInvocation} of the bare loop`, met: bareMs / invocationMs >= leastOfInvocation },
      'with the fold',
    ),
  ];
}

/** The work of every consumer. The Opens are counted so that nothing is optimized away. */
function bareLoop(event: KinesisStreamEvent): number {
  let opens = 0;
  for (const record of event.Records) {
    const { action } = JSON.parse(Buffer.from(record.kinesis.data, 'base64').toString()) as { action: string };
    if (action === 'Open') opens++;
  }
  return opens;
}

/**
 * The work of aggregate up to its first write: it drops the records that are in, and reads, validates and folds the
 * rest.
 */
function fold(event: KinesisStreamEvent): Chunk {
  const records = streamRecords(event.Records);
  const from = records.findIndex((record) => isAfter(record.sequenceNumber, '1'));
  const read = readRecords({ reader: eventReader(pipeline), ids: undefined }, records, from);
  return foldChunk(pipeline, read, { closedThrough: Number.NEGATIVE_INFINITY, counters: noEvents });
}

function invocation(): (event: KinesisStreamEvent) => Promise<unknown> {
  const aggregator = shardAggregator({ ...logClock, pipeline, state: memoryTable(), rejects: memoryTable(), shardId });
  return async (event) => {
    const { counters } = await aggregator.apply(streamRecords(event.Records), () => 60_000);
    if (counters.counted !== recordsInBatch)
      throw new Error(`${counters.counted} of ${recordsInBatch} records were counted`);
  };
}

/** Two hours of event time, mildly out of order. */
function batchText(): string {
  const records = Array.from({ length: recordsInBatch }, (_, i) => {
    const event = {
      time: 1_469_501_107 + Math.floor(i * 0.7) + ((i * 7919) % 60),
      action: i % 2 === 0 ? 'Open' : 'Close',
    };
    return toEventRecord(
      {
        SequenceNumber: '0',
        PartitionKey: `device-${i % 1000}`,
        Data: Buffer.from(JSON.stringify(event)).toString('base64'),
        ApproximateArrivalTimestamp: 1_700_000_000 + i / 1000,
      },
      shardId,
      pipeline.name,
    );
  });
  return eventJson(records);
}

/** The event with records that come after those of the previous round. */
function renumbered(event: KinesisStreamEvent, round: number): KinesisStreamEvent {
  event.Records.forEach((record, i) => {
    record.kinesis.sequenceNumber = `4959${String(round * recordsInBatch + i + 1).padStart(52, '0')}`;
  });
  return event;
}

function compare(opens: number, { folds, added }: Chunk): void {
  const folded = folds
    .flatMap(({ slices }) => [...slices])
    .flatMap(({ partials }) => [...partials])
    .reduce((total, [key, states]) => total + (key === '["Open"]' ? Number(states[0]) : 0), 0);
  if (opens !== folded || added.counters.counted !== recordsInBatch)
    throw new Error('the fold and the bare loop count differently');
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
