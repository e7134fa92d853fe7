import type { Context } from 'aws-lambda';
import { expect, it, vi } from 'vitest';
import * as z from 'zod';
import { flowOf } from '../../cli/cost/flow.ts';
import { idleMetrics, logBytes, monitoringOf, publishedMetrics } from '../../cli/cost/monitoring.ts';
import { usualQuestion } from '../../cli/cost/question.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { aggregateHandler } from '../../functions/edge/aggregate-handler.ts';
import type { ShardBatch } from '../../functions/edge/batches.ts';
import { createTelemetry } from '../../functions/edge/telemetry.ts';
import { advance } from '../../functions/operations/advance.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { synth } from './synth.ts';

const monthSeconds = 730 * 3600;

interface Looked {
  readonly MetricName?: string;
  readonly Metrics?: readonly { readonly MetricStat?: object }[];
}

/** The metrics that the alarms of a template look at: what CloudWatch is paid for. */
function alarmMetrics(pipeline: string): { readonly alarms: number; readonly dashboards: number } {
  const { template } = synth(() => ({ pipeline }));
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties as Looked,
  );
  return {
    alarms: alarms.reduce(
      (total, { Metrics }) =>
        total + (Metrics === undefined ? 1 : Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length),
      0,
    ),
    dashboards: Object.keys(template.findResources('AWS::CloudWatch::Dashboard')).length,
  };
}

it.each([
  ['pipelines/device-actions.ts', { queries: 1 }],
  ['test/template/fixtures/two-queries.ts', { queries: 2 }],
  ['test/template/fixtures/sinks.ts', { queries: 1, sinks: Array.from({ length: 8 }, () => 'sqs' as const) }],
])('the bill counts the metrics that the alarms of %s look at', (pipeline, asked) => {
  const question = { ...usualQuestion, ...asked };
  const use = monitoringOf(question, flowOf(question), monthSeconds);
  const counted = alarmMetrics(pipeline);
  expect({ alarms: use.alarmMetrics, dashboards: use.dashboards }).toEqual(counted);
});

const context = {
  getRemainingTimeInMillis: () => 60_000,
  awsRequestId: '11111111-2222-3333-4444-555555555555',
  functionName: 'tidemark-aggregate',
  functionVersion: '$LATEST',
  memoryLimitInMB: '1769',
  invokedFunctionArn: 'arn',
} as Context;
const pipeline = definePipeline({
  name: 'device-actions',
  event: z.object({ time: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '1 minute' },
  queries: { actionsPerHour: { window: tumbling('1 minute'), aggregates: { count: count() } } },
});
const deployment = 'tidemark-device-actions-prod-CountsABCDEF12';
const start = 1_700_000_040_000;

interface Embedded {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
}

/** The names of the metrics in lines of embedded metric format, each with its dimensions. */
function metricsIn(lines: readonly string[]): ReadonlySet<string> {
  return new Set(
    lines
      .map((line) => JSON.parse(line) as Embedded & Readonly<Record<string, unknown>>)
      .flatMap((line) =>
        line._aws.CloudWatchMetrics.flatMap(({ Dimensions: [names = []], Metrics }) =>
          Metrics.map(({ Name }) => [...names.map((name) => line[name]), Name].join(' ')),
        ),
      ),
  );
}

/** What a function prints while it runs. */
async function printed(run: () => Promise<unknown>): Promise<readonly string[]> {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(...String(text).trim().split('\n'));
    return true;
  });
  try {
    await run();
  } finally {
    write.mockRestore();
  }
  return lines;
}

const stream: Stream = {
  identity: async () => ({ name: 'clicks', createdAt: 0 }),
  listShards: async () => [{ shardId: 'shardId-0', closed: false }],
  tail: async () => 'more',
};

/** The functions over tables in memory, with the telemetry that is deployed. */
function deployed() {
  const tables = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable() };
  const meter = { writeUnits: 0, readUnits: 0, refusedWrites: 0 };
  const aggregate = aggregateHandler({
    pipeline,
    batches: {
      of(event) {
        meter.writeUnits++;
        meter.readUnits++;
        return event as readonly ShardBatch[];
      },
      answer: () => ({ batchItemFailures: [] }),
    },
    stream,
    tables: { ...tables, meter },
    telemetry: createTelemetry(deployment, 'aggregate', 'INFO'),
    kick: undefined,
    now: () => start,
    newId: () => 'id',
  });
  let batches = 0;
  return {
    batch: () => {
      batches++;
      const records = Array.from({ length: 500 }, (_, i) => ({
        sequenceNumber: String(batches * 1000 + i),
        arrival: start,
        partitionKey: 'a',
        events: [{ parsed: { time: start + batches * 100_000 }, subRecord: 0, bytes: () => new Uint8Array() }],
      }));
      return printed(() => aggregate([{ shardId: 'shardId-0', records, arrivalBy: 'stream' }], context));
    },
    finalize: () =>
      printed(() =>
        createTelemetry(deployment, 'finalize', 'INFO').measured(meter, context, () => {
          meter.writeUnits++;
          meter.readUnits += 12;
          return advance.run(
            {
              ...{ ...tables, pipeline, stream, served: new Set<string>() },
              publish: async () => {},
              wake: () => {},
              now: () => start,
              remainingMs: () => 60_000,
              newId: () => 'run',
              sleep: async () => {},
              logError: () => {},
            },
            { isWaitedFor: true },
          );
        }),
      ),
  };
}

it('the functions publish as many metrics as the bill counts, and lines as long', async () => {
  const { batch, finalize } = deployed();
  const first = await batch();
  const second = await batch();
  const runs = [await finalize(), await finalize()].flat();
  const { aggregate, eachQuery, finalize: ofFinalize } = publishedMetrics;
  expect(metricsIn([...first, ...second]).size).toBe(aggregate + eachQuery);
  expect(metricsIn(runs).size).toBe(ofFinalize);
  const idle = deployed();
  expect(metricsIn(await idle.finalize()).size).toBe(idleMetrics);
  const near = (found: number, said: number) =>
    expect(found / said).toSatisfy((ratio: number) => ratio > 0.85 && ratio < 1.15);
  const lengths = second.map((line) => line.length);
  near(Math.max(...lengths), logBytes.aggregate);
  near(Math.min(...lengths), logBytes.aggregateQuery);
  near(runs[0]?.length ?? 0, logBytes.finalize);
});
