/** The longest header of a zstd frame with its magic number (RFC 8878, 3.1.1.1). */
export const zstdHeaderBytes = 18;
/** Most bytes that a frame may refer back to. They are held in memory. zstd itself has the same limit by default. */
export const mostWindowBytes = 128 * 1024 * 1024;

const magic = 0xfd2fb528;

/**
 * Checks the first bytes of a file. Fewer bytes than a header may have are not judged.
 * @throws Error with the remedy, when its window is larger than {@link mostWindowBytes}
 */
export function checkZstdWindow(header: Buffer): void {
  if (header.length < zstdHeaderBytes || header.readUInt32LE(0) !== magic) return;
  const bytes = windowBytes(header);
  if (bytes <= mostWindowBytes) return;
  throw new Error(
    `its zstd window is of ${Math.ceil(bytes / 1024 / 1024)} MiB, and at most ${mostWindowBytes / 1024 / 1024} MiB are read: ` +
      'unpack it (zstd -d --long=31 FILE), or pack it with a smaller window (zstd --long=27 FILE)',
  );
}

function windowBytes(header: Buffer): number {
  const flags = header.readUInt8(4);
  const isSingleSegment = (flags & 0x20) !== 0;
  if (isSingleSegment) return contentBytes(header, flags);
  const descriptor = header.readUInt8(5);
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** The length of the content. In a frame of a single segment, it is the window. */
function contentBytes(header: Buffer, flags: number): number {
  const at = 5 + ([0, 1, 2, 4][flags & 3] ?? 0);
  switch (flags >> 6) {
    case 0:
      return header.readUInt8(at);
    case 1:
      return header.readUInt16LE(at) + 256;
    case 2:
      return header.readUInt32LE(at);
    default:
      return Number(header.readBigUInt64LE(at));
  }
}
