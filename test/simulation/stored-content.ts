import type { Attribute, Item } from '../../functions/state/table/table.ts';

/** Attributes that may change though the content of an item follows from its key: its expiry. */
const notContent = new Set(['expiresAt']);

/** The content of an item as text, without its expiry: what two writers of the same key have to agree on. */
export function contentText({ attributes }: Item): string {
  const content = Object.entries(attributes).filter(([name]) => !notContent.has(name));
  return JSON.stringify(
    content.sort(([left], [right]) => (left < right ? -1 : 1)).map(([name, of]) => [name, plain(of)]),
  );
}

/** An attribute as JSON; a Buffer is the bytes that it holds, as a stored copy of it is. */
function plain(value: Attribute): unknown {
  if (value instanceof Set) return { set: [...value].sort() };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, plain(of as Attribute)]));
}
