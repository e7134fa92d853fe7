import { encodeAggregated } from '../../functions/feeder/kpl-record.ts';
import type { Random } from '../../functions/testing/random.ts';

/** A record as it is put, with one event, or several in the Kinesis Producer Library's format. */
export interface Made {
  readonly partitionKey: string;
  readonly data: Buffer;
  readonly events: number;
}

/** The event time of the first event, epoch ms, and the step to each further event, ms. */
const beginMs = Date.UTC(2024, 0, 1);
const stepMs = 100;
/**
 * Disorder (ms) that stays within the pipeline's delay. With more disorder an event is late, if the watermark has come
 * so far.
 */
const ordinaryDisorderMs = 50_000;
const extraordinaryDisorderMs = 600_000;

const kinds = ['a', 'b', 'c', 'd', 'free'] as const;
const garbage = [
  '',
  '{',
  '{"id":1}',
  '{"id":"x","time":1,"kind":"a"}',
  '[]',
  `{"id":1,"time":${Date.UTC(2100, 0, 1)},"kind":"a"}`,
] as const;

/**
 * Makes records without end. The n-th record of a seed is always the same. Each holds its number in its partition key.
 */
export function createEvents(random: Random): () => Made {
  let made = 0;
  let time = beginMs;

  function line(): Buffer {
    time += stepMs;
    if (random.chance(0.005)) return Buffer.from(random.pick(garbage));
    const behind = random.int(0, random.chance(0.03) ? extraordinaryDisorderMs : ordinaryDisorderMs);
    return Buffer.from(JSON.stringify({ id: random.int(0, 2 ** 40), time: time - behind, kind: random.pick(kinds) }));
  }

  return () => {
    const partitionKey = `r${made++}`;
    const lines = Array.from({ length: random.chance(0.1) ? random.int(2, 6) : 1 }, line);
    const [only = Buffer.alloc(0)] = lines;
    // Kinesis does not take an empty record.
    if (lines.length === 1 && only.length > 0) return { partitionKey, data: only, events: 1 };
    return { partitionKey, data: encodeAggregated(lines, partitionKey, ''), events: lines.length };
  };
}
