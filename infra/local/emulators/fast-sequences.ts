import { createHash } from 'node:crypto';
import type { KinesaliteDb, SequenceParts } from 'kinesalite/db/index.js';

/** The end of the time range of kinesalite's format, in epoch seconds. */
const latestSeconds = 16_025_175_000;

/**
 * kinesalite computes sequence numbers and hash keys with a decimal library, which takes half of all its time. These
 * are the same functions with BigInt. A test compares them with the originals. Old forms of sequence numbers are left
 * to the originals.
 */
export function createFastSequences(original: KinesaliteDb): Omit<KinesaliteDb, 'clientError'> {
  const bounds = new Map<string, string>();

  function hexBound(hashKey: string): string {
    let bound = bounds.get(hashKey);
    if (bound === undefined) {
      bound = BigInt(hashKey).toString(16).padStart(32, '0');
      bounds.set(hashKey, bound);
    }
    return bound;
  }

  function parseSequence(sequenceNumber: string): SequenceParts {
    const hex = /^\d+$/.test(sequenceNumber) ? BigInt(sequenceNumber).toString(16) : '';
    if (hex.length !== 47 || hex[0] !== '2' || hex[46] !== '2' || isHigh(hex[11]) || isHigh(hex[38]))
      return original.parseSequence(sequenceNumber);
    const shardCreateSeconds = Number.parseInt(hex.slice(1, 10), 16);
    if (shardCreateSeconds >= latestSeconds) return original.parseSequence(sequenceNumber);
    return {
      shardCreateTime: shardCreateSeconds * 1000,
      seqIx: BigInt(`0x${hex.slice(11, 27)}`).toString(),
      byte1: hex.slice(27, 29),
      seqTime: Number.parseInt(hex.slice(29, 38), 16) * 1000,
      shardIx: Number.parseInt(hex.slice(38, 46), 16),
      version: 2,
    };
  }

  function stringifySequence(parts: SequenceParts): string {
    if (parts.version !== undefined && parts.version !== 2) return original.stringifySequence(parts);
    const shard = (parts.shardIx || 0).toString(16);
    const index = BigInt(parts.seqIx || 0).toString(16);
    const hex = [
      '0x2',
      hexSeconds(parts.shardCreateTime),
      shard.slice(-1),
      index.padStart(16, '0').slice(-16),
      parts.byte1 || '00',
      hexSeconds(parts.seqTime || parts.shardCreateTime),
      shard.padStart(8, '0').slice(-8),
      '2',
    ];
    return BigInt(hex.join('')).toString();
  }

  return {
    parseSequence,
    stringifySequence,
    incrementSequence(sequence, seqTime) {
      const parts = typeof sequence === 'string' ? parseSequence(sequence) : sequence;
      const { shardCreateTime, seqIx = 0, shardIx = 0 } = parts;
      return stringifySequence({ shardCreateTime, seqIx, shardIx, seqTime: seqTime || (parts.seqTime ?? 0) + 1000 });
    },
    /**
     * The result serves PutRecord and PutRecords only: they compare it with the bounds of shards. The bounds are few
     * and recur.
     */
    partitionKeyToHashKey(partitionKey) {
      const key = createHash('md5').update(partitionKey, 'utf8').digest('hex');
      return {
        comparedTo(hashKey) {
          const bound = hexBound(hashKey);
          return key < bound ? -1 : key > bound ? 1 : 0;
        },
      };
    },
  };
}

function hexSeconds(ms: number): string {
  return Math.floor(ms / 1000)
    .toString(16)
    .padStart(9, '0')
    .slice(-9);
}

function isHigh(digit: string | undefined): boolean {
  return digit === undefined || digit > '7';
}
