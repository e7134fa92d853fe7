import { describe, expect, it } from 'vitest';
import { unpack } from '../../functions/feeder/unpack.ts';
import { checkZstdWindow, mostWindowBytes, zstdHeaderBytes } from '../../functions/formats/zstd-window.ts';

/** The first bytes of a frame: flags, and the bytes after them. */
function frame(flags: number, ...rest: readonly number[]): Buffer {
  const bytes = Buffer.alloc(zstdHeaderBytes);
  bytes.set([0x28, 0xb5, 0x2f, 0xfd, flags, ...rest]);
  return bytes;
}

const windowOf = (log: number, eighths = 0): Buffer => frame(0, ((log - 10) << 3) | eighths);

describe('a zstd window', () => {
  it.each([
    ['the least', windowOf(10)],
    ['of level 19', windowOf(23)],
    ['of the limit', windowOf(27)],
    ['of a single segment of the limit', frame(0xa0, 0, 0, 0, 8)],
    ['of a single segment of 64 KiB behind a dictionary id', frame(0x61, 7, 0, 0xff)],
    ['in fewer bytes than a header has', windowOf(31).subarray(0, 10)],
    ['of something else', Buffer.from('{"time":1469501107,"action":"Open"}')],
  ])('%s is read', (_name, header) => {
    expect(() => checkZstdWindow(header)).not.toThrow();
  });

  it.each([
    ['an eighth beyond the limit', windowOf(27, 1), '144'],
    ['of --long=28', windowOf(28), '256'],
    ['of --long=31', windowOf(31), '2048'],
    ['the largest', windowOf(41, 7), String(((2 ** 41 / 8) * 15) / 1024 / 1024)],
    ['of a single segment beyond the limit', frame(0xa0, 1, 0, 0, 8), '129'],
    ['of a single segment of 8 GiB', frame(0xe0, 0, 0, 0, 0, 2), '8192'],
  ])('%s is refused with its size, the limit and the remedy', async (_name, header, mebibytes) => {
    const refused = new RegExp(`\\b${mebibytes} MiB.*\\b${mostWindowBytes / 1024 / 1024} MiB.*zstd -d --long=31`);
    expect(() => checkZstdWindow(header)).toThrow(refused);
    async function* pieces() {
      for (const byte of header) yield Buffer.from([byte]);
    }
    const read = async () => {
      for await (const piece of unpack.zstd(pieces())) expect(piece).toHaveLength(0);
    };
    await expect(read()).rejects.toThrow(refused);
  });
});
