import { gzipSync } from 'node:zlib';
import { argumentError } from '../../core/arguments/error.ts';
import type { LookupList } from '../../core/definition/lookup-table.ts';
import { readLookupList, sealThrough } from '../lookups/lookup-list.ts';
import {
  type LookupAnswer,
  type LookupOptions,
  type LookupPublication,
  publishLookup,
} from '../lookups/lookup-publish.ts';
import { mostPartBytes, mostPartRows, readParts, writePart } from '../lookups/lookup-rows.ts';

/** What can be asked about a table of the pipeline. */
export type LookupRequest =
  /** Its versions; sealed through an arrival, epoch ms, for whoever judges what arrived. */
  | { readonly action: 'list'; readonly table: string; readonly through: number | undefined }
  /** Keeps parts of the rows of a version that is to be published, from the part `first` on. */
  | {
      readonly action: 'upload';
      readonly table: string;
      readonly id: string;
      readonly first: number;
      readonly parts: readonly (readonly object[])[];
    }
  | ({ readonly action: 'publish' } & LookupPublication)
  /** The rows of a version, from the part `first` on. */
  | { readonly action: 'rows'; readonly table: string; readonly id: string; readonly first: number };

/** The versions of a table. Times are epoch ms; null is minus infinity. */
export interface LookupListAnswer {
  readonly table: string;
  readonly versions: LookupList['versions'];
  readonly sealedThrough: number | null;
  readonly keptFrom: number | null;
}

/** Some parts of a version's rows. */
export interface LookupRowsAnswer {
  /** How many parts it holds. */
  readonly parts: number;
  /** A JSON list of rows, compressed with gzip, in Base64. */
  readonly rows: string;
}

/** What an upload answers. */
export interface LookupUploadAnswer {
  readonly uploaded: number;
}

/** Parts of one answer: 3 MB of text, and an answer takes 6 MB in Base64. */
const partsAtATime = 10;

/** @throws TidemarkError when the pipeline has no such table, or the request does not fit it */
export async function operateLookup(
  options: LookupOptions,
  request: LookupRequest,
): Promise<LookupAnswer | LookupListAnswer | LookupRowsAnswer | LookupUploadAnswer> {
  const { pipeline, state, limit, now } = options;
  const { table } = request;
  if (pipeline.lookupTable?.table !== table)
    throw argumentError(
      'table',
      table,
      pipeline.lookupTable === undefined
        ? `is no table of pipeline ${pipeline.name}, which has none: deploy it with enrich: lookup(table('${table}'), ...)`
        : `is no table of pipeline ${pipeline.name}: use ${pipeline.lookupTable.table}`,
    );
  switch (request.action) {
    case 'list':
      return listAnswer(
        table,
        await (request.through === undefined
          ? readLookupList(state, table)
          : sealThrough(state, table, request.through)),
      );
    case 'publish':
      return publishLookup(options, request);
    case 'rows': {
      const parts = await readParts(state, request, request.first, partsAtATime);
      return { parts: parts.length, rows: gzipSync(JSON.stringify(parts.flat())).toString('base64') };
    }
    case 'upload': {
      const { parts, first } = request;
      for (const rows of parts)
        if (rows.length > mostPartRows || JSON.stringify(rows).length > mostPartBytes)
          throw argumentError(
            'parts',
            rows.length,
            `rows are more than an item holds: run tidemark lookup publish of the same release`,
          );
      await Promise.all(parts.map((rows, i) => limit(() => writePart(state, request, first + i, rows, now()))));
      return { uploaded: parts.length };
    }
  }
}

function listAnswer(table: string, { versions, sealedThrough, keptFrom }: LookupList): LookupListAnswer {
  const finite = (time: number) => (Number.isFinite(time) ? time : null);
  return { table, versions, sealedThrough: finite(sealedThrough), keptFrom: finite(keptFrom) };
}
