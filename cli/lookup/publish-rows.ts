import { gzipSync } from 'node:zlib';
import { mostPartBytes, mostPartRows, rowsHash } from '../../functions/core/definition/lookup-rows.ts';
import type { OperationAnswer } from '../../functions/operations/table.ts';
import type { AskOperation } from '../deployment/invoke.ts';
import { TidemarkError } from '../program/errors.ts';

/** The options of {@link publishRows}. */
export interface RowsPublication {
  readonly table: string;
  readonly rows: readonly object[];
  /** The arrival from which the rows hold, epoch ms; undefined: the function decides. */
  readonly from: number | undefined;
  /** Epoch ms: part of the name of the upload. */
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (rows: number) => void;
}

/**
 * The most text in the parts of one invocation, in bytes. An invocation takes 6 MB; the parts are packed, and in
 * Base64.
 */
const mostTextBytes = 3_000_000;

/** Uploads rows and publishes them as a version of a table, unless the newest version has the same rows already. */
export async function publishRows(
  ask: AskOperation,
  publication: RowsPublication,
): Promise<OperationAnswer<'lookup-publish'>> {
  const { table, rows, from, nowMs, signal, onProgress } = publication;
  const hash = rowsHash(rows);
  const { versions } = await ask({ request: 'lookup-list', table });
  const newest = versions.at(-1);
  if (newest?.hash === hash && (from === undefined || from === newest.from))
    return { table, outcome: 'standing', version: newest };
  const version = `${nowMs.toString(36)}-${hash}`;
  const parts = partsOf(rows);
  let sent = 0;
  for (let first = 0; first < parts.length; ) {
    signal.throwIfAborted();
    let bytes = 0;
    let to = first;
    while (to < parts.length && (to === first || bytes + (parts[to]?.bytes ?? 0) <= mostTextBytes))
      bytes += parts[to++]?.bytes ?? 0;
    const uploaded = parts.slice(first, to);
    const packed = gzipSync(JSON.stringify(uploaded.map((part) => part.rows))).toString('base64');
    await ask({ request: 'lookup-upload', table, version, first, parts: packed });
    sent += uploaded.reduce((sum, part) => sum + part.rows.length, 0);
    onProgress?.(sent);
    first = to;
  }
  const begin = from === undefined ? {} : { from };
  return ask({
    request: 'lookup-publish',
    table,
    version,
    parts: parts.length,
    hash,
    ...begin,
  });
}

interface Part {
  readonly rows: object[];
  /** The upper bound of its JSON's size. */
  bytes: number;
}

function partsOf(rows: readonly object[]): readonly Part[] {
  const parts: Part[] = [];
  for (const [i, row] of rows.entries()) {
    // Characters outside of ASCII take up to three bytes. The comma and the brackets take a few.
    const bytes = Buffer.byteLength(JSON.stringify(row)) + 2;
    if (bytes > mostPartBytes)
      throw new TidemarkError(
        `row ${i + 1}: takes ${bytes} bytes, and an item holds ${mostPartBytes}: leave out fields that no query asks for`,
      );
    const last = parts.at(-1);
    if (last !== undefined && last.rows.length < mostPartRows && last.bytes + bytes <= mostPartBytes) {
      last.rows.push(row);
      last.bytes += bytes;
    } else parts.push({ rows: [row], bytes: bytes + 2 });
  }
  return parts;
}
