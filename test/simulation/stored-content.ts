import type { Item } from '../../functions/state/table/table.ts';

/** Attributes that may change though the content of an item follows from its key: its expiry. */
const notContent = new Set(['expiresAt']);

/** The content of an item as text, without its expiry: what two writers of the same key have to agree on. */
export function contentText({ attributes }: Item): string {
  return JSON.stringify(
    Object.entries(attributes)
      .filter(([name]) => !notContent.has(name))
      .sort(([left], [right]) => (left < right ? -1 : 1)),
    (_name, value) => {
      if (value instanceof Set) return { set: [...value].sort() };
      return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
    },
  );
}
