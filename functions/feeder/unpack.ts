import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { checkZstdWindow, zstdHeaderBytes } from '../formats/zstd-window.ts';

/** How bytes are packed. */
export type Packing = 'none' | 'gzip' | 'zstd';

type Chunks = AsyncIterable<Buffer>;

/**
 * Unpackers of bytes, piece by piece: a file is never held as a whole. Their errors tell in words what is wrong with
 * the bytes.
 */
export const unpack: Readonly<Record<Packing, (chunks: Chunks) => Chunks>> = {
  none: (chunks) => chunks,
  gzip: gunzip,
  zstd: unzstd,
};

/** One gzip member or several behind one another, as `cat a.gz b.gz` and log shippers make them. */
async function* gunzip(chunks: Chunks): AsyncGenerator<Buffer> {
  const source = Readable.from(chunks);
  const unpacked = createGunzip({ chunkSize: 256 * 1024 });
  source.on('error', (error) => unpacked.destroy(error));
  source.pipe(unpacked);
  try {
    for await (const chunk of unpacked) yield chunk;
    if (unpacked.bytesWritten === 0) throw new Error('unexpected end of file');
  } finally {
    source.destroy();
  }
}

/**
 * One zstd frame or several. (Node has zstd of its own only since 22.15. fzstd checks the structure, but not a frame's
 * checksum.)
 */
async function* unzstd(chunks: Chunks): AsyncGenerator<Buffer> {
  let unpacked: Buffer[] = [];
  const unpacker = new Decompress((chunk) => {
    // fzstd uses the memory of the chunk again.
    if (chunk.length > 0) unpacked.push(Buffer.from(chunk));
  });
  let header = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (header.length < zstdHeaderBytes) {
      // fzstd does not begin with less either.
      header = Buffer.concat([header, chunk.subarray(0, zstdHeaderBytes - header.length)]);
      checkZstdWindow(header);
    }
    // small pieces: everything that one push unpacks is held at once
    for (let from = 0; from < chunk.length; from += packedPieceBytes) {
      unpacker.push(chunk.subarray(from, from + packedPieceBytes));
      yield* unpacked;
      unpacked = [];
    }
  }
  if (header.length === 0) throw new Error('unexpected end of file');
  unpacker.push(new Uint8Array(), true);
  yield* unpacked;
}

const packedPieceBytes = 64 * 1024;
