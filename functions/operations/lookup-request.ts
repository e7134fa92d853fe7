import { gunzipSync } from 'node:zlib';
import { argumentError } from '../core/arguments/error.ts';
import { isTableName } from '../core/definition/lookup-table.ts';
import { mostLookupRows } from '../state/lookups/lookup-publish.ts';
import type { LookupRequest } from '../state/operations/lookup-operations.ts';

/**
 * A request about a table, as the finalize function is invoked with it. Which fields it has follows from the action.
 */
export interface LookupEvent {
  readonly action?: 'list' | 'upload' | 'publish' | 'rows';
  readonly table?: string;
  /** For `list`: seals the versions through this arrival, epoch ms. */
  readonly through?: number;
  /** For all others: the version. */
  readonly version?: string;
  /** For `upload` and `rows`: the first part. */
  readonly first?: number;
  /**
   * For `upload`: a JSON list of parts, each a list of rows, compressed with gzip, in Base64. For `publish`: how many
   * there are.
   */
  readonly parts?: string | number;
  /** For `publish`: of all rows. */
  readonly hash?: string;
  /**
   * For `publish`: the arrival from which it holds, epoch ms.
   * @default a minute from now, or from the beginning where nothing has asked for the table
   */
  readonly from?: number;
}

/** @throws TidemarkError that names the field which is wrong */
export function lookupRequest(event: object): LookupRequest {
  const {
    action,
    table,
    through,
    version: id,
    first,
    parts,
    hash,
    from,
  }: { readonly [name in keyof LookupEvent]?: unknown } = event;
  if (!isTableName(table))
    throw argumentError('table', table, 'is no name of a table: give the one that the pipeline looks up in');
  if (action === 'list')
    return { action, table, through: through === undefined ? undefined : checkedTime('through', through) };
  if (action !== 'upload' && action !== 'publish' && action !== 'rows')
    throw argumentError('action', action, 'is not known: give "list", "upload", "publish" or "rows"');
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id))
    throw argumentError('version', id, 'is no version: give letters, digits, _ and -, at most 64');
  if (action === 'publish') {
    if (typeof hash !== 'string' || hash === '')
      throw argumentError('hash', hash, 'is no hash of rows: run tidemark lookup publish');
    return {
      action,
      table,
      id,
      hash,
      parts: checkedPart('parts', parts),
      from: from === undefined ? undefined : checkedTime('from', from),
    };
  }
  if (action === 'rows') return { action, table, id, first: checkedPart('first', first) };
  return { action, table, id, first: checkedPart('first', first), parts: unpackedParts(parts) };
}

function checkedTime(name: string, time: unknown): number {
  if (typeof time === 'number' && Number.isSafeInteger(time)) return time;
  throw argumentError(name, time, 'is no time: give epoch milliseconds');
}

function checkedPart(name: string, part: unknown): number {
  if (typeof part === 'number' && Number.isInteger(part) && part >= 0 && part <= mostLookupRows) return part;
  throw argumentError(name, part, `is no number of parts: give a whole number from 0 to ${mostLookupRows}`);
}

function unpackedParts(packed: unknown): readonly (readonly object[])[] {
  try {
    const parts: unknown = JSON.parse(gunzipSync(Buffer.from(String(packed), 'base64')).toString());
    if (Array.isArray(parts) && parts.every(isPart)) return parts;
  } catch {
    // Neither gzip nor JSON: the same mistake.
  }
  throw argumentError('parts', packed, 'are no rows, packed as tidemark lookup publish packs them: use it');
}

function isPart(part: unknown): part is readonly object[] {
  return Array.isArray(part) && part.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));
}
