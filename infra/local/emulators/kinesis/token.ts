/** Text that only this emulator reads: a shard iterator, or the place where a list goes on. */
export function encodeToken(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/** The values of a token; undefined for text that {@link encodeToken} did not make of as many values. */
export function decodeToken(token: string, count: number): readonly unknown[] | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(values) && values.length === count ? values : undefined;
  } catch {
    return undefined;
  }
}
