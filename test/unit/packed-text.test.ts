import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pack, unpack, writeUnitBytes, writeUnitsOf } from '../../functions/state/table/packed-text.ts';

const repeated = (bytes: number) => 'a'.repeat(bytes);

/** Text of which each character holds 6 bits, so that no compression takes more than a quarter away. */
function digests(length: number): string {
  const parts = Array.from({ length: 20 }, (_, i) => createHash('sha512').update(String(i)).digest('base64url'));
  return parts.join('').slice(0, length);
}

describe('packed text', () => {
  it.each([
    ['of one write unit with what is beside it', repeated(1000), 24],
    ['where what is beside it takes as many units anyway', repeated(1000), 2040],
    ['that does not shrink by a unit', digests(1200), 200],
    ['without anything in it', '', 0],
  ])('%s is the text', (_, text, overheadBytes) => {
    expect(pack(text, overheadBytes)).toBe(text);
    expect(unpack(text)).toBe(text);
  });

  it.each([
    ['begins a second unit', repeated(1001), 24],
    ['takes more bytes than characters', 'é'.repeat(600), 0],
    ['is long', Array.from({ length: 20_000 }, (_, i) => `user-${i} 😀`).join(), 300],
  ])('that %s is bytes of fewer units', (_, text, overheadBytes) => {
    const data = pack(text, overheadBytes);
    if (typeof data === 'string') throw new Error('it was not packed');
    expect(writeUnitsOf(overheadBytes + data.length)).toBeLessThan(
      writeUnitsOf(overheadBytes + Buffer.byteLength(text)),
    );
    expect(unpack(data)).toBe(text);
    // As DynamoDB gives them back.
    expect(unpack(new Uint8Array(data))).toBe(text);
  });

  it('counts the byte that names its form', () => {
    const text = repeated(200);
    const { length } = pack(text, writeUnitBytes - 100);
    expect(length).toBeLessThan(100);
    expect(pack(text, writeUnitBytes - length)).toBeInstanceOf(Uint8Array);
    expect(pack(text, writeUnitBytes - length + 1)).toBe(text);
  });

  it('of an unknown form is refused, and so are bytes that are cut off', () => {
    for (const data of [Uint8Array.of(), Uint8Array.of(9, 1, 2), Uint8Array.of(1)])
      expect(() => unpack(data)).toThrow();
    expect(() => unpack(Uint8Array.of(9, 1, 2))).toThrow('form: 9');
  });
});
