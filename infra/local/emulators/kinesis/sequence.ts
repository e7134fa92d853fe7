/**
 * What a sequence number says. The numbers have AWS's own form (version 2, 56 decimal digits), so that they grow along
 * a shard, and from a shard to its children.
 */
export interface Sequence {
  /** The time of the shard's creation, epoch seconds. */
  readonly createdSeconds: number;
  /** The shard's index in its stream. */
  readonly shard: number;
  /** 1 for the first record of the shard, and one more for each record. 0 is the start of the shard. */
  readonly index: number | 'end';
  /** The time of the record's arrival, epoch seconds. */
  readonly seconds: number;
}

/** The index of the end of a closed shard. */
const endIndex = '7fffffffffffffff';

/** A sequence number, in decimal digits. */
export function sequenceNumber({ createdSeconds, shard, index, seconds }: Sequence): string {
  const shardHex = shard.toString(16);
  const indexHex = index === 'end' ? endIndex : hex(index, 16);
  return BigInt(
    `0x2${hex(createdSeconds, 9)}${shardHex.slice(-1)}${indexHex}00${hex(seconds, 9)}${shardHex.padStart(8, '0')}2`,
  ).toString();
}

/** What a sequence number says; undefined for text that {@link sequenceNumber} does not make. */
export function parseSequenceNumber(text: string): Sequence | undefined {
  if (!/^\d{56}$/.test(text)) return undefined;
  const digits = BigInt(text).toString(16);
  const part = (from: number, to: number): number => Number.parseInt(digits.slice(from, to), 16);
  const sequence: Sequence = {
    createdSeconds: part(1, 10),
    shard: part(38, 46),
    index: digits.slice(11, 27) === endIndex ? 'end' : part(11, 27),
    seconds: part(29, 38),
  };
  return sequenceNumber(sequence) === text ? sequence : undefined;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
