import fc from 'fast-check';
import original from 'kinesalite/db/index.js';
import { describe, expect, it } from 'vitest';
import { createFastSequences } from '../../infra/local/emulators/fast-sequences.ts';

const fastSequences = createFastSequences(original);

const seconds = fc.integer({ min: 1, max: 4_000_000_000 });
const parts = fc.record({
  shardCreateTime: seconds.map((value) => value * 1000),
  seqIx: fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String)),
  seqTime: seconds.map((value) => value * 1000 + 7),
  shardIx: fc.nat({ max: 100_000 }),
});

describe('the replaced arithmetic of kinesalite', () => {
  it('makes the same sequence numbers', () => {
    fc.assert(
      fc.property(parts, (each) => {
        expect(fastSequences.stringifySequence(each)).toBe(original.stringifySequence(each));
      }),
    );
  });

  it('takes sequence numbers apart in the same way, and refuses the same', () => {
    const outcome = (parse: (text: string) => unknown, text: string): unknown => {
      try {
        return parse(text);
      } catch {
        return 'refused';
      }
    };
    const texts = fc.oneof(
      parts.map(original.stringifySequence),
      fc.bigInt({ min: 0n, max: 2n ** 187n }).map(String),
      fc.string(),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(outcome(fastSequences.parseSequence, text)).toEqual(outcome(original.parseSequence, text));
      }),
    );
  });

  it('goes on from a sequence number in the same way', () => {
    fc.assert(
      fc.property(parts, fc.option(seconds), (each, time) => {
        const text = original.stringifySequence(each);
        expect(fastSequences.incrementSequence(text, time)).toBe(original.incrementSequence(text, time));
        expect(fastSequences.incrementSequence(each)).toBe(original.incrementSequence(each));
      }),
    );
  });

  it('places partition keys at the same side of any bound', () => {
    const bound = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(String);
    fc.assert(
      fc.property(fc.string(), bound, (key, hashKey) => {
        expect(fastSequences.partitionKeyToHashKey(key).comparedTo(hashKey)).toBe(
          original.partitionKeyToHashKey(key).comparedTo(hashKey),
        );
      }),
    );
  });
});
