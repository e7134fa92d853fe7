import { sha256 } from '@noble/hashes/sha2.js';
import { argumentError } from '../arguments/error.ts';
import { rowsByKey } from './lookup.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Most rows of a version, and most bytes of their text: a container loads that much in a second, and keeps two of them.
 */
export const mostLookupRows = 50_000;
export const mostLookupBytes = 20_000_000;

/** Most rows of an item, and most bytes of their text: far below 400 KB, even where nothing can be packed. */
export const mostPartRows = 300;
export const mostPartBytes = 300_000;

/** @throws TidemarkError when there are too many rows, one has no key, or two have the same */
export function checkLookupRows({ lookupTable }: Pipeline, rows: readonly object[]): void {
  if (lookupTable === undefined) return;
  if (rows.length > mostLookupRows)
    throw argumentError(
      'rows',
      rows.length,
      `are more than ${mostLookupRows}, which a table holds: leave out those that no event asks for`,
    );
  rowsByKey('rows', rows, lookupTable.key);
  const bytes = rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0);
  if (bytes > mostLookupBytes)
    throw argumentError(
      'rows',
      bytes,
      `bytes are more than ${mostLookupBytes}, which a table holds: leave out fields that no query asks for`,
    );
}

const utf8 = new TextEncoder();

/** The hash of rows, however they are cut into parts: 16 hexadecimal digits. */
export function rowsHash(rows: Iterable<object>): string {
  const hash = sha256.create();
  for (const row of rows) hash.update(utf8.encode(`${JSON.stringify(row)}\n`));
  return Array.from(hash.digest().subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
