import { MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IStream } from 'aws-cdk-lib/aws-kinesis';
import { mapping } from '../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import { streamPermissions } from '../functions/permissions.ts';
import { alarmPeriod } from '../monitoring/metrics.ts';
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
    backlog: () => ({ alarm: 'IteratorAge', title: 'Oldest record that waits', metric: iteratorAge(stream) }),
    refusedPuts: stream.metricWriteProvisionedThroughputExceeded({ statistic: Stats.SUM, period: alarmPeriod }),
  };
}

/**
 * The age of the oldest record that nobody has read, in ms. Kinesis measures it at each read, also at one that a paused
 * or a failing mapping makes. While records come and nobody reads at all there is no age, and that is a year.
 */
function iteratorAge(stream: IStream): MathExpression {
  const options = { period: alarmPeriod };
  return new MathExpression({
    label: 'age of the oldest record (ms)',
    expression: 'IF(FILL(incoming, 0) > 0, FILL(age, 31536000000), FILL(age, 0))',
    usingMetrics: {
      incoming: stream.metricIncomingRecords({ ...options, statistic: Stats.SUM }),
      age: stream.metricGetRecordsIteratorAgeMilliseconds({ ...options, statistic: Stats.MAXIMUM }),
    },
    ...options,
  });
}
