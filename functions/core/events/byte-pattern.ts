/**
 * Bytes that are looked for at a place. They are compared four at a time, which is what takes the time of reading a line
 * of a known shape.
 */
export interface BytePattern {
  readonly bytes: Uint8Array;
  /** Its bytes from each multiple of four on, and the last four of them; empty when it is shorter. Little-endian. */
  readonly words: Int32Array;
}

export function bytePattern(bytes: Uint8Array): BytePattern {
  const { length } = bytes;
  if (length < 4) return { bytes, words: new Int32Array() };
  const view = viewOf(bytes);
  const words = Int32Array.from({ length: Math.ceil(length / 4) }, (_, i) =>
    view.getInt32(Math.min(4 * i, length - 4), true),
  );
  return { bytes, words };
}

/** A view of bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Whether a pattern stands at a place of a view, and before `to`. */
export function matches({ bytes, words }: BytePattern, view: DataView, at: number, to: number): boolean {
  const { length } = bytes;
  if (at + length > to) return false;
  const last = words.length - 1;
  if (last < 0) {
    for (let i = 0; i < length; i++) if (view.getUint8(at + i) !== bytes[i]) return false;
    return true;
  }
  for (let i = 0; i < last; i++) if (view.getInt32(at + 4 * i, true) !== words[i]) return false;
  return view.getInt32(at + length - 4, true) === words[last];
}
