import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import { mapping } from '../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import { streamPermissions } from '../functions/permissions.ts';
import type { PipelineSource } from './pipeline-source.ts';

/**
 * A stream of Kinesis as the source. Without a number of attempts or an age, Lambda repeats a failing batch until its
 * records leave the stream. The protocol needs this, since nothing may be dropped and nothing can be counted twice
 * (DESIGN 4.1, step 5). Batches are not bisected: no record can poison one.
 */
export function kinesisSource(stream: IStream): PipelineSource {
  return {
    kind: 'kinesis',
    environment: { [environmentNames.stream]: stream.streamName },
    output: { name: 'StreamName', value: stream.streamName },
    grant(name, grantee) {
      if (streamPermissions[name].length === 0) return;
      stream.grant(grantee, ...streamPermissions[name]);
      stream.encryptionKey?.grantDecrypt(grantee);
    },
    grantPut: (grantee) => stream.grant(grantee, 'kinesis:ListShards', 'kinesis:PutRecord', 'kinesis:PutRecords'),
    mapping: {
      eventSourceArn: stream.streamArn,
      parallelizationFactor: mapping.parallelizationFactor,
      reportBatchItemFailures: true,
    },
    backlog: (aggregate) => ({
      alarm: 'IteratorAge',
      title: 'Oldest record that waits',
      metric: aggregate.metric('IteratorAge', { statistic: 'Maximum' }),
    }),
  };
}
