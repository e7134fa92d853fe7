import type { _Record } from '@aws-sdk/client-kinesis';
import { streamRecords } from '../../functions/kinesis/records.ts';
import type { StreamRecord } from '../../functions/state/aggregate/chunk.ts';

/** Records as GetRecords gives them, read as the aggregate function reads them. */
export function decodedRecords(records: readonly _Record[]): readonly StreamRecord[] {
  return streamRecords(
    records.map(({ SequenceNumber = '', PartitionKey = '', Data = new Uint8Array(), ApproximateArrivalTimestamp }) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        sequenceNumber: SequenceNumber,
        partitionKey: PartitionKey,
        data: Buffer.from(Data).toString('base64'),
        approximateArrivalTimestamp: (ApproximateArrivalTimestamp?.getTime() ?? 0) / 1000,
      },
    })),
  );
}
