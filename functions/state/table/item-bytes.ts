import type { Attribute, Item } from './table.ts';

/**
 * The size of an item as DynamoDB reckons it, in bytes: names and text in UTF-8, a number two digits a byte and one
 * more, a list or a map 3 bytes and one for each element. Write units follow from it, 1,024 bytes each.
 */
export function itemBytes({ pk, sk, attributes }: Item): number {
  return 'pk'.length + 'sk'.length + textBytes(pk) + textBytes(sk) + namedBytes(attributes, 0);
}

function namedBytes(attributes: Readonly<Record<string, Attribute>>, eachBytes: number): number {
  let bytes = 0;
  for (const name in attributes) bytes += textBytes(name) + eachBytes + attributeBytes(attributes[name] ?? null);
  return bytes;
}

function attributeBytes(value: Attribute): number {
  if (typeof value === 'string') return textBytes(value);
  if (typeof value === 'number') return numberBytes(value);
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value))
    return (value as readonly Attribute[]).reduce<number>((total, each) => total + 1 + attributeBytes(each), 3);
  return 3 + namedBytes(value as Readonly<Record<string, Attribute>>, 1);
}

/** Zeros in front and behind do not count. */
function numberBytes(value: number): number {
  const [digits = ''] = String(Math.abs(value)).split('e');
  const significant = digits.replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length;
  return Math.ceil(significant / 2) + (value < 0 ? 2 : 1);
}

function textBytes(text: string): number {
  return Buffer.byteLength(text);
}
