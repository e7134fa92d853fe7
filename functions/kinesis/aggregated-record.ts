import { createHash } from 'node:crypto';
import protobuf from 'protobufjs/light.js';

const magicBytes = 4;
const digestBytes = 16;

/**
 * https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
 * Tags are not read, but malformed ones are still corrupt.
 */
const schema = protobuf.Root.fromJSON({
  nested: {
    Tag: {
      fields: { key: { rule: 'required', type: 'string', id: 1 }, value: { rule: 'optional', type: 'string', id: 2 } },
    },
    Record: {
      fields: {
        partition_key_index: { rule: 'required', type: 'uint64', id: 1 },
        explicit_hash_key_index: { rule: 'optional', type: 'uint64', id: 2 },
        data: { rule: 'required', type: 'bytes', id: 3 },
        tags: { rule: 'repeated', type: 'Tag', id: 4 },
      },
    },
    AggregatedRecord: {
      fields: {
        partition_key_table: { rule: 'repeated', type: 'string', id: 1 },
        explicit_hash_key_table: { rule: 'repeated', type: 'string', id: 2 },
        records: { rule: 'repeated', type: 'Record', id: 3 },
      },
    },
  },
});
const aggregatedRecord = schema.lookupType('AggregatedRecord');

/**
 * The events of a record in the aggregation format of the Kinesis Producer Library, in order.
 * @throws Error when the bytes are not a whole such record
 */
export function aggregatedEvents(record: Buffer): readonly Buffer[] {
  const body = record.subarray(magicBytes, record.length - digestBytes);
  const { records } = aggregatedRecord.decode(body) as unknown as { readonly records: readonly { data: Uint8Array }[] };
  const digest = createHash('md5').update(body).digest();
  if (!digest.equals(record.subarray(record.length - digestBytes))) throw new Error('Invalid record checksum');
  return records.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}
