import { type Packing, unpack } from '../feeder/unpack.ts';

const magics: readonly (readonly [packing: Packing, bytes: Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];

/** The packing of a file that begins with these bytes; undefined when they are not packed, or too few. */
export function packingOf(begin: Uint8Array): Packing | undefined {
  return magics.find(([, magic]) => magic.equals(begin.subarray(0, magic.length)))?.[0];
}

/** Whether more bytes could make it a packed file. */
function isUnclear(begin: Uint8Array): boolean {
  return magics.some(([, magic]) => begin.length < magic.length && magic.subarray(0, begin.length).equals(begin));
}

/**
 * The bytes of a file as they were before it was packed with gzip or zstd. The first bytes decide, for no JSON begins
 * like these. So names and headers need not be right.
 */
export async function* unpackedBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  let begin = Buffer.alloc(0);
  for (let ended = false; isUnclear(begin) && !ended; ) {
    const { done, value } = await iterator.next();
    ended = done === true;
    if (done !== true) begin = Buffer.concat([begin, value]);
  }
  async function* whole(): AsyncGenerator<Buffer> {
    try {
      if (begin.length > 0) yield begin;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield asBuffer(next.value);
    } finally {
      await iterator.return?.();
    }
  }
  yield* unpack[packingOf(begin) ?? 'none'](whole());
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
