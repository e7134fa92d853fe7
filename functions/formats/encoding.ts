/**
 * The position where the text begins: behind the byte order mark, if one stands at `from`. The mark is U+FEFF in UTF-8.
 * Some programs write it in front of a text to say that it is UTF-8. It is not part of the text.
 */
export function afterByteOrderMark(bytes: Uint8Array, from: number, to: number): number {
  const isMark = to - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf;
  return isMark ? from + 3 : from;
}

/**
 * Whether a text begins as UTF-16 does: with its byte order mark, or with one byte of two that is 0, as JSON and CSV
 * begin with ASCII.
 */
export function looksUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return false;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  return (first === 0) !== (second === 0);
}
