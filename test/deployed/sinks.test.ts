import { setTimeout as sleep } from 'node:timers/promises';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { openTarget as openS3 } from '../../functions/sinks/s3.ts';
import { openTarget as openSqs } from '../../functions/sinks/sqs.ts';
import { DeliveryRefused } from '../../functions/state/sinks/delivery.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import { emulatorKeys, emulatorRegion } from '../../infra/emulators/cdk.ts';
import { allowIterators } from './access.ts';
import { beginMs, event, hourMs, ordinary } from './events.ts';
import pipeline from './pipelines/sinks/deployed.ts';
import { bootstrap, cdkOf, clientsOf, deploymentOf, openStack, type Stack } from './stack.ts';
import { readTarget } from './target.ts';

const target = await readTarget(process.env);
const cdk = cdkOf(target);
const config = {
  ...clientConfig({ port: undefined, endpoint: target.endpoint }, {}),
  region: emulatorRegion,
  credentials: emulatorKeys,
};
const [sqs, sns, bus, s3] = [
  new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
  new SNSClient(config),
  new EventBridgeClient(config),
  new S3Client({ ...config, forcePathStyle: true }),
];
const stage = `s${Date.now().toString(36)}`;

let stack: Stack;
let withdraw: () => Promise<void>;

/** A queue that anybody may send to, and its ARN. */
async function consumer(name: string, attributes: Readonly<Record<string, string>> = {}) {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: { ...attributes } }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const arn = Attributes?.['QueueArn'] ?? '';
  const statement = { Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: arn };
  await sqs.send(
    new SetQueueAttributesCommand({
      QueueUrl,
      Attributes: { Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }) },
    }),
  );
  return { QueueUrl, arn };
}

/** The messages that come to a queue, until there are so many. */
async function received(QueueUrl: string, count: number): Promise<readonly string[]> {
  const bodies: string[] = [];
  while (bodies.length < count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    for (const { Body = '', ReceiptHandle } of Messages) {
      bodies.push(Body);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
  return bodies;
}

const asWindow = ({ query, start, end, revision, records, rows }: Delivery) => ({
  query,
  start,
  end,
  revision,
  records,
  rows,
});
const byStart = (deliveries: readonly Delivery[]) =>
  [...new Map(deliveries.map((one) => [one.id, asWindow(one)])).values()].sort(
    (left, right) => left.start - right.start,
  );
const finals = async () =>
  (await stack.api.windows('byKind', { status: 'final' })).map(({ query, start, end, revision, records, rows }) => ({
    query,
    start,
    end,
    revision,
    records,
    rows,
  }));

beforeAll(() => bootstrap(target, cdk));

/**
 * The targets refuse requests without TLS, and ministack serves only such requests. With IAM enforced it therefore
 * refuses everything, as AWS would.
 */
describe.skipIf(target.kind === 'ministack' && target.iam === 'enforced')(
  `sinks deployed to ${target.kind}, IAM ${target.iam}`,
  () => {
    it('get every final window exactly as the API shows it: SQS, SNS, EventBridge and S3', async () => {
      stack = openStack(target, await cdk.deploy(deploymentOf('sinks', stage)));
      const { Configuration } = await clientsOf(target).lambda.send(
        new GetFunctionCommand({ FunctionName: stack.outputs['FinalizeFunction'] }),
      );
      withdraw = await allowIterators(target, Configuration?.Role ?? '');
      const { SinkBus, SinkQueue = '', SinkTopic, SinkObjects } = stack.outputs;
      const [ofTopic, ofBus] = [await consumer(`topic-${stage}`), await consumer(`bus-${stage}`)];
      await sns.send(
        new SubscribeCommand({
          TopicArn: SinkTopic,
          Protocol: 'sqs',
          Endpoint: ofTopic.arn,
          Attributes: { RawMessageDelivery: 'true' },
        }),
      );
      await bus.send(
        new PutRuleCommand({
          Name: `all-${stage}`,
          EventBusName: SinkBus,
          EventPattern: JSON.stringify({ source: ['tidemark'] }),
        }),
      );
      await bus.send(
        new PutTargetsCommand({
          Rule: `all-${stage}`,
          EventBusName: SinkBus,
          Targets: [{ Id: 'queue', Arn: ofBus.arn }],
        }),
      );

      const records = [
        ...ordinary(seededRandom(7), beginMs, 4, 200),
        { data: event(beginMs + 8 * hourMs, 'a'), shard: 0 as const },
        { data: event(beginMs + 8 * hourMs, 'b'), shard: 1 as const },
      ];
      await stack.put(records);
      while ((await finals()).length < 4) await sleep(500);
      const windows = await finals();
      const count = windows.length;

      expect(byStart((await received(SinkQueue, count)).map((body) => JSON.parse(body)))).toEqual(windows);
      expect(byStart((await received(ofTopic.QueueUrl, count)).map((body) => JSON.parse(body)))).toEqual(windows);
      const events = (await received(ofBus.QueueUrl, count)).map((body) => JSON.parse(body));
      expect(new Set(events.map((one) => one['detail-type']))).toEqual(new Set(['Tidemark Window']));
      expect(byStart(events.map(({ detail }) => detail))).toEqual(windows);

      const listed = async () => (await s3.send(new ListObjectsV2Command({ Bucket: SinkObjects }))).Contents ?? [];
      while ((await listed()).length < count) await sleep(500);
      const objects = await Promise.all(
        (await listed()).map(({ Key }) => s3.send(new GetObjectCommand({ Bucket: SinkObjects, Key }))),
      );
      const lines = (await Promise.all(objects.map(({ Body }) => Body?.transformToString())))
        .join('')
        .trim()
        .split('\n');
      const rows = windows.flatMap(({ query, start, end, revision, rows: own }) =>
        own.map(({ key, values }) => ({ query, start, end, status: 'final', revision, ...key, ...values })),
      );
      expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
      expect((await stack.invoke('finalize', '{"request":"sinks"}')) as object).toMatchObject({
        sinks: ['bus', 'queue', 'topic', 'objects'].map((sink) => ({ sink, served: true, waiting: 0, dead: 0 })),
      });
    });

    it('are written once, where the target can: a FIFO queue by its deduplication id, S3 by key', async () => {
      Object.assign(process.env, {
        AWS_ENDPOINT_URL: target.endpoint,
        AWS_REGION: emulatorRegion,
        AWS_ACCESS_KEY_ID: emulatorKeys.accessKeyId,
        AWS_SECRET_ACCESS_KEY: emulatorKeys.secretAccessKey,
      });
      const { QueueUrl } = await consumer(`once-${stage}.fifo`, { FifoQueue: 'true' });
      const sink = pipeline.sinks.find(({ name }) => name === 'objects') as Sink;
      const delivery = (hour: number, n: number): Delivery => ({
        id: `byKind/${beginMs + hour * hourMs}/${beginMs + (hour + 1) * hourMs}/0`,
        pipeline: 'once',
        mode: 'append',
        query: 'byKind',
        start: beginMs + hour * hourMs,
        end: beginMs + (hour + 1) * hourMs,
        status: 'final',
        revision: 0,
        records: n,
        emittedAt: 0,
        rows: [{ key: { kind: 'a' }, values: { n } }],
      });
      const queue = openSqs({ sink, target: QueueUrl, secret: undefined, secretArn: undefined, bucketIn: 'path' });
      for (const one of [delivery(0, 1), delivery(0, 1), delivery(1, 2), delivery(0, 1), delivery(1, 2)])
        await queue.deliver(one);
      expect(queue.order).toBe('ordered');
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
      );
      expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: '2' });
      expect((await received(QueueUrl, 2)).map((body) => JSON.parse(body).records)).toEqual([1, 2]);

      const bucket = openS3({
        sink: { ...sink, kind: 's3', format: 'json', prefix: 'once/' },
        target: stack.outputs['SinkObjects'],
        secret: undefined,
        secretArn: undefined,
        bucketIn: 'path',
      });
      for (const one of [delivery(0, 1), delivery(0, 1)]) await bucket.deliver(one);
      await expect(bucket.deliver(delivery(0, 999))).rejects.toBeInstanceOf(DeliveryRefused);
      const { Contents = [] } = await s3.send(
        new ListObjectsV2Command({ Bucket: stack.outputs['SinkObjects'], Prefix: 'once/' }),
      );
      expect(Contents).toHaveLength(1);
      const { Body } = await s3.send(
        new GetObjectCommand({ Bucket: stack.outputs['SinkObjects'], Key: Contents[0]?.Key }),
      );
      expect(JSON.parse((await Body?.transformToString()) ?? '')).toMatchObject({ n: 1 });
    });

    it('go with their functions when the stack does, and leave the bucket', async () => {
      await withdraw();
      await cdk.destroy(deploymentOf('sinks', stage));
      await expect(
        sqs.send(new GetQueueAttributesCommand({ QueueUrl: stack.outputs['SinkQueue'], AttributeNames: ['All'] })),
      ).rejects.toThrow();
      expect(
        (await s3.send(new ListObjectsV2Command({ Bucket: stack.outputs['SinkObjects'] }))).KeyCount,
      ).toBeGreaterThan(0);
    });
  },
);
