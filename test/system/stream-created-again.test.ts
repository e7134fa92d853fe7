import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { eventJson, toEventRecord } from '../../infra/local/mapping/kinesis-event.ts';
import { until } from '../fixtures/local/start.ts';
import { order, type System, startSystem } from '../fixtures/system/system.ts';

const t0 = Date.parse('2026-01-01T00:00:00Z');
const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-created-again-'));

/** The tests of this file build on one another. */
let system: System;
beforeAll(async () => {
  system = await startSystem({ dataDir });
});
afterAll(async () => {
  await system.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const isoSeconds = (ms: number) => new Date(ms).toISOString();

async function createdAt(): Promise<number> {
  const answer = await system.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: system.local.streamName }));
  return answer.StreamDescriptionSummary?.StreamCreationTimestamp?.getTime() ?? Number.NaN;
}

/** Deletes the stream and creates it again under its name, in another second of the clock. */
async function createAgain(): Promise<void> {
  const { kinesis, local } = system;
  const StreamName = local.streamName;
  const before = await createdAt();
  await kinesis.send(new DeleteStreamCommand({ StreamName }));
  await until(() =>
    kinesis.send(new DescribeStreamSummaryCommand({ StreamName })).then(
      () => false,
      () => true,
    ),
  );
  // The emulator dates the creation of a stream two seconds back.
  await until(async () => Math.floor((Date.now() - 2000) / 1000) * 1000 > before);
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
  await until(async () => {
    const { StreamDescriptionSummary: summary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
    return summary?.StreamStatus === 'ACTIVE';
  });
}

describe('a stream that is deleted and created again under its name', () => {
  let before: number;
  let after: number;
  const refusal = () =>
    `stream: ${JSON.stringify(system.local.streamName)} was created at ${isoSeconds(after)}, and the tables hold what became of ` +
    `stream ${system.local.streamName}, created at ${isoSeconds(before)}: deploy the pipeline as another stack`;

  it('is the same one after a restart with its data', async () => {
    expect(await system.finalize({})).toMatchObject({ windows: 0 });
    before = await createdAt();
    await system.close();
    system = await startSystem({ dataDir });
    expect(await createdAt()).toBe(before);
    expect(await system.finalize({})).toMatchObject({ windows: 0 });
  });

  it('is refused by finalize, with both times and the remedy', async () => {
    await createAgain();
    after = await createdAt();
    expect(after).toBeGreaterThan(before);
    const horizon = (await system.get('watermark')).body;
    await expect(system.finalize({})).rejects.toThrow(`TidemarkError: ${refusal()}`);
    expect((await system.get('watermark')).body).toMatchObject({ watermark: horizon['watermark'] });
  });

  it('is refused by a cold aggregate function, which commits nothing', async () => {
    const { kinesis, local } = system;
    const data = order(t0, 'a');
    const { ShardId: shardId = '', SequenceNumber: sequenceNumber = '' } = await kinesis.send(
      new PutRecordCommand({ StreamName: local.streamName, Data: Buffer.from(data), PartitionKey: 'p' }),
    );
    const record = {
      Data: Buffer.from(data).toString('base64'),
      PartitionKey: 'p',
      SequenceNumber: sequenceNumber,
      ApproximateArrivalTimestamp: t0 / 1000,
    };
    const event = eventJson([toEventRecord(record, shardId, local.streamName)]);
    const lambda = new LambdaClient(clientConfig({ port: Number(new URL(local.url).port), endpoint: undefined }));
    try {
      const answer = await lambda.send(
        new InvokeCommand({ FunctionName: local.functionNames.aggregate, Payload: event }),
      );
      expect(answer.FunctionError).toBeDefined();
      expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toMatchObject({
        errorType: 'TidemarkError',
        errorMessage: expect.stringContaining(refusal()),
      });
    } finally {
      lambda.destroy();
    }
    expect((await system.get('conservation')).body).toMatchObject({ received: 0 });
  });
});
