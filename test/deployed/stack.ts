import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type ApiClient, apiClient } from '../../cli/deployment/api-client.ts';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { signedFetch } from '../../cli/deployment/signed-fetch.ts';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import {
  apiUrl,
  type Cdk,
  type Deployment,
  emulatorKeys,
  emulatorRegion,
  localCdk,
  type Outputs,
  openCdk,
  plainCdk,
} from '../../infra/emulators/cdk.ts';
import { type EventRecord, toEventRecord } from '../../infra/local/mapping/kinesis-event.ts';
import type { Sent } from './events.ts';
import { type Keys, signedGet } from './signed-call.ts';
import type { Target } from './target.ts';

/** A pipeline of the suite. All of them share a name, so that one takes another's place. */
export type Variant = 'first' | 'changed-code' | 'incompatible' | 'changed-queries' | 'sinks';

export function deploymentOf(variant: Variant, stage: string): Deployment {
  return { pipeline: join(root, 'test', 'deployed', 'pipelines', variant, 'deployed.ts'), stage, shards: 2 };
}

/** The CDK for a target. */
export function cdkOf({ endpoint, kind, folder }: Target): Cdk {
  const cli = kind === 'localstack' ? localCdk(root, endpoint) : plainCdk(root, endpoint);
  return openCdk({ root, cli, folder, path: process.env['PATH'] ?? '' });
}

/**
 * Makes the resources that deployments need once. The bucket's policy denies requests without TLS, and is taken off:
 * ministack serves only such requests and, with IAM enforced, refuses them, as AWS would.
 */
export async function bootstrap({ endpoint, kind, iam }: Target, cdk: Cdk): Promise<void> {
  await cdk.bootstrap();
  if (kind !== 'ministack' || iam !== 'enforced') return;
  const s3 = signedFetch({ region: emulatorRegion, service: 's3', credentials: emulatorKeys });
  const answer = await s3(new URL(`/cdk-hnb659fds-assets-000000000000-${emulatorRegion}?policy`, endpoint), {
    method: 'DELETE',
  });
  if (answer.status !== 204)
    throw new Error(`the policy of the CDK's bucket cannot be taken off: ${answer.status} ${await answer.text()}`);
}

/** SDK clients for an endpoint, with the account's own keys unless others are given. */
export function clientsOf({ endpoint }: Target, credentials: Keys = emulatorKeys) {
  const config = { ...clientConfig({ port: undefined, endpoint }, {}), region: emulatorRegion, credentials };
  return { kinesis: new KinesisClient(config), lambda: new LambdaClient(config), dynamodb: new DynamoDBClient(config) };
}

/** A deployed stack, as seen by those who put events into it, query it and operate it. */
export interface Stack {
  readonly outputs: Outputs;
  readonly url: string;
  /** Signed with the account's own keys. */
  readonly api: ApiClient;
  get(path: string): Promise<Response>;
  put(records: readonly Sent[]): Promise<void>;
  /** All records of the stream by shard, as Lambda's events hold them. */
  records(): Promise<readonly (readonly EventRecord[])[]>;
  /** Invokes a function and waits. @throws when the function throws */
  invoke(name: 'aggregate' | 'finalize', payload: string): Promise<unknown>;
}

/** The hash keys at the two ends: with two shards, one each. */
const hashKeys = { 0: '0', 1: (2n ** 128n - 1n).toString() } as const;
const mostRecords = 500;

export function openStack(target: Target, outputs: Outputs): Stack {
  const { kinesis, lambda } = clientsOf(target);
  const url = apiUrl(target.endpoint, outputs);
  const get = signedGet();
  const streamName = outputs['StreamName'] ?? '';
  const functionNames = { aggregate: outputs['AggregateFunction'], finalize: outputs['FinalizeFunction'] };
  return {
    outputs,
    url,
    api: apiClient(url, get),
    get: (path) => get(new URL(`${url}/v1/${path}`)),
    async put(records) {
      for (let from = 0; from < records.length; from += mostRecords) {
        const some = records.slice(from, from + mostRecords);
        const answer = await kinesis.send(
          new PutRecordsCommand({
            StreamName: streamName,
            Records: some.map(({ data, shard }) => ({
              Data: Buffer.from(data),
              PartitionKey: randomUUID(),
              ExplicitHashKey: hashKeys[shard],
            })),
          }),
        );
        if (answer.FailedRecordCount !== 0) throw new Error(`${answer.FailedRecordCount} records were not put`);
      }
    },
    async records() {
      const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: streamName }));
      return Promise.all(Shards.map(({ ShardId = '' }) => recordsOf(kinesis, streamName, ShardId)));
    },
    async invoke(name, payload) {
      const answer = await lambda.send(
        new InvokeCommand({ FunctionName: functionNames[name] ?? '', Payload: payload }),
      );
      const text = answer.Payload?.transformToString() ?? '';
      if (answer.FunctionError !== undefined) throw new Error(`${name}: ${text}`);
      return JSON.parse(text);
    },
  };
}

async function recordsOf(kinesis: KinesisClient, streamName: string, shardId: string): Promise<readonly EventRecord[]> {
  const start = await kinesis.send(
    new GetShardIteratorCommand({ StreamName: streamName, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const records: EventRecord[] = [];
  for (let iterator = start.ShardIterator; iterator !== undefined; ) {
    const page = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
    for (const {
      SequenceNumber = '',
      PartitionKey = '',
      Data = new Uint8Array(),
      ApproximateArrivalTimestamp,
    } of page.Records ?? []) {
      const arrival = (ApproximateArrivalTimestamp?.getTime() ?? 0) / 1000;
      const data = Buffer.from(Data).toString('base64');
      records.push(
        toEventRecord(
          { SequenceNumber, PartitionKey, Data: data, ApproximateArrivalTimestamp: arrival },
          shardId,
          streamName,
        ),
      );
    }
    iterator = (page.Records ?? []).length === 0 && page.MillisBehindLatest === 0 ? undefined : page.NextShardIterator;
  }
  return records;
}
