/**
 * Order of texts by their UTF-8 bytes, as DynamoDB sorts. It differs from JavaScript's only where a surrogate meets a
 * unit at or above U+E000.
 */
export function compareUtf8(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let i = 0; i < shorter; i++) {
    const a = left.charCodeAt(i);
    const b = right.charCodeAt(i);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** The rank of a UTF-16 unit. Surrogates stand for characters beyond U+FFFF, which come after all others. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
