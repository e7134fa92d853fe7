import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { exactNumber } from '../../core/events/exact-number.ts';

/**
 * An item of a foreign table as plain JSON, read from its stream of changes: sets are arrays, bytes are Base64, numbers
 * are as {@link exactNumber} has them.
 * @param image attribute values in DynamoDB's JSON
 */
export function imageJson(image: Readonly<Record<string, unknown>>): unknown {
  return plainJson(unmarshall(image as Record<string, AttributeValue>, { wrapNumbers: exactNumber }));
}

function plainJson(value: unknown): unknown {
  if (value instanceof Set) return [...value];
  if (Array.isArray(value)) return value.map(plainJson);
  // Bytes are text already, because Lambda's events are JSON.
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainJson(member)]));
}
