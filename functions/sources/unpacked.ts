import { pipeline, Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { TidemarkError } from '../core/error.ts';

const gzipMagic = Buffer.from([0x1f, 0x8b]);
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * The bytes of a file as they were before it was packed, with gzip or zstd: no JSON begins as such a file does, so names and headers need not be right.
 * @throws TidemarkError for zstd where Node has none (before 22.15)
 */
export async function* unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  const begin: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  while (bytes < zstdMagic.length && !ended) {
    const { done, value } = await iterator.next();
    ended = done === true;
    if (done !== true) bytes += begin[begin.push(asBuffer(value)) - 1]?.length ?? 0;
  }
  async function* whole(): AsyncGenerator<Buffer> {
    try {
      yield Buffer.concat(begin);
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield asBuffer(next.value);
    } finally {
      await iterator.return?.();
    }
  }
  const decoder = decoderOf(Buffer.concat(begin));
  if (decoder === undefined) {
    yield* whole();
    return;
  }
  // What goes wrong on the way ends the decoder too, and so the loop.
  pipeline(Readable.from(whole()), decoder, () => undefined);
  for await (const chunk of decoder) yield chunk as Buffer;
}

function decoderOf(begin: Buffer): Transform | undefined {
  if (begin.subarray(0, gzipMagic.length).equals(gzipMagic)) return zlib.createGunzip();
  if (!begin.subarray(0, zstdMagic.length).equals(zstdMagic)) return undefined;
  // Not in the types of the oldest Node that is supported, and not in that Node.
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  if (typeof create !== 'function')
    throw new TidemarkError(`the object is packed with zstd, which Node ${process.versions.node} cannot read: use 22.15 or newer`);
  return create() as Transform;
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
