import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkKind } from '../../../functions/core/definition/sink.ts';
import { streamRetentionHours } from '../../../functions/core/deployment/settings.ts';
import { type TableName, tables } from '../../../functions/core/deployment/tables.ts';
import { type AwsJson, AwsJsonError, createAwsJson } from '../account/aws-json.ts';
import type { LocalFunctionName } from './bundle.ts';

/** The names of the stream, the tables and the functions of a pipeline. */
export interface ResourceNames {
  readonly stream: string;
  readonly tables: Readonly<Record<TableName, string>>;
  readonly functions: Readonly<Record<LocalFunctionName, string>>;
}

/** The names for a pipeline. They contain the pipeline's name, because several pipelines may share a data folder. */
export function resourceNames(pipelineName: string): ResourceNames {
  const of = (part: string): string => `tidemark-${pipelineName}-${part}`;
  return {
    stream: `tidemark-${pipelineName}`,
    tables: { state: of('state'), windows: of('windows'), rejects: of('rejects') },
    functions: { aggregate: of('aggregate'), finalize: of('finalize'), query: of('query'), ingest: of('ingest') },
  };
}

/**
 * The time (epoch seconds) of the stream's creation. It distinguishes the stream from an earlier one of the same name.
 */
export interface CreatedStream {
  readonly createdAtSeconds: number;
}

/**
 * Creates the stream and the tables that are missing, and waits until all are active. Existing ones are kept.
 * @param shards undefined: the events come from elsewhere, and there is no stream
 */
export async function ensureResources(
  names: ResourceNames,
  shards: number | undefined,
  ports: { readonly kinesis: number; readonly dynamodb: number },
): Promise<CreatedStream> {
  const kinesis = createAwsJson('kinesis', ports.kinesis);
  const dynamodb = createAwsJson('dynamodb', ports.dynamodb);
  try {
    const tableNames = Object.keys(tables) as readonly TableName[];
    const [identity] = await Promise.all([
      shards === undefined ? { createdAtSeconds: 0 } : ensureStream(kinesis, names.stream, shards),
      ...tableNames.map((table) => ensureTable(dynamodb, table, names.tables[table])),
    ]);
    return identity;
  } finally {
    kinesis.close();
    dynamodb.close();
  }
}

/** Creates the missing streams and tables that sinks deliver to. A table's key is that of the windows table. */
export async function ensureTargets(
  targets: readonly { readonly kind: SinkKind; readonly target: string | undefined }[],
  ports: { readonly kinesis: number; readonly dynamodb: number },
): Promise<void> {
  const kinesis = createAwsJson('kinesis', ports.kinesis);
  const dynamodb = createAwsJson('dynamodb', ports.dynamodb);
  try {
    await Promise.all(
      targets.map(async ({ kind, target }) => {
        if (kind === 'kinesis' && target !== undefined) await ensureStream(kinesis, target, 1);
        if (kind === 'dynamodb' && target !== undefined) await ensureTable(dynamodb, 'windows', target);
      }),
    );
  } finally {
    kinesis.close();
    dynamodb.close();
  }
}

interface StreamSummary {
  readonly StreamDescriptionSummary: {
    readonly StreamStatus: string;
    readonly StreamCreationTimestamp: number;
    readonly RetentionPeriodHours: number;
  };
}

async function ensureStream(kinesis: AwsJson, StreamName: string, ShardCount: number): Promise<CreatedStream> {
  await unlessThere(() => kinesis.call('CreateStream', { StreamName, ShardCount }));
  for (;;) {
    const { StreamDescriptionSummary: summary } = await kinesis.call<StreamSummary>('DescribeStreamSummary', {
      StreamName,
    });
    if (summary.StreamStatus === 'ACTIVE') {
      if (summary.RetentionPeriodHours < streamRetentionHours) {
        await kinesis.call('IncreaseStreamRetentionPeriod', { StreamName, RetentionPeriodHours: streamRetentionHours });
      }
      return { createdAtSeconds: summary.StreamCreationTimestamp };
    }
    await sleep(2);
  }
}

async function ensureTable(dynamodb: AwsJson, table: TableName, TableName: string): Promise<void> {
  const { partitionKey, sortKey } = tables[table];
  const attribute = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });
  const key = (AttributeName: string, KeyType: 'HASH' | 'RANGE') => ({ AttributeName, KeyType });
  await unlessThere(() =>
    dynamodb.call('CreateTable', {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [attribute(partitionKey), attribute(sortKey)],
      KeySchema: [key(partitionKey, 'HASH'), key(sortKey, 'RANGE')],
    }),
  );
  while (
    (await dynamodb.call<{ readonly Table: { readonly TableStatus: string } }>('DescribeTable', { TableName })).Table
      .TableStatus !== 'ACTIVE'
  )
    await sleep(2);
}

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof AwsJsonError && error.code === 'ResourceInUseException')) throw error;
  }
}
