import { expect, it } from 'vitest';
import { itemBytes } from '../../functions/state/table/item-bytes.ts';
import type { Attribute } from '../../functions/state/table/table.ts';

/** Bytes of an attribute, without the keys and its name. */
const bytesOf = (value: Attribute) => itemBytes({ pk: 'p', sk: 's', attributes: { x: value } }) - 7;

// DynamoDB developer guide, "DynamoDB item sizes and formats".
it.each<[string, Attribute, number]>([
  ['text in UTF-8', 'aé€', 6],
  ['bytes', new Uint8Array(5), 5],
  ['a truth value', true, 1],
  ['nothing', null, 1],
  ['zero', 0, 1],
  ['a digit', 7, 2],
  ['two digits', 42, 2],
  ['an epoch in ms', 1_700_000_040_123, 8],
  ['zeros behind', 1_700_000_000_000, 2],
  ['a negative number', -42, 3],
  ['a fraction', 0.25, 2],
  ['a power', 1e300, 2],
  ['an empty list', [], 3],
  ['a list', [1, 'ab'], 3 + 2 + 2 + 2],
  ['a map', { ab: 1 }, 3 + 2 + 1 + 2],
])('the size of %s is as DynamoDB reckons it', (_, value, bytes) => {
  expect(bytesOf(value)).toBe(bytes);
});
