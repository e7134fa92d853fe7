import { describe, expect, it } from 'vitest';
import { digest, utf8Bytes } from '../../functions/core/aggregates/scalar.ts';
import { testSketches } from './sketches.ts';

testSketches(100_000);

describe('the digest of a long value', () => {
  it('is the beginning of its SHA-256, in base64url', async () => {
    for (const text of ['', 'abc', 'é'.repeat(300)]) {
      const { createHash } = await import('node:crypto');
      const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
      expect(digest(text)).toBe(bytes.toString('base64url'));
      expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
    }
  });
});
