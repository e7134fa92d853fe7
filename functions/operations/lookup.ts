import { gzipSync } from 'node:zlib';
import { argumentError } from '../core/arguments/error.ts';
import { mostLookupRows, mostPartBytes, mostPartRows } from '../core/definition/lookup-rows.ts';
import { isTableName, type LookupList } from '../core/definition/lookup-table.ts';
import { checkDefinition } from '../state/items/definition.ts';
import { readLookupList, sealThrough } from '../state/lookups/lookup-list.ts';
import { type LookupPublication, publishLookup } from '../state/lookups/lookup-publish.ts';
import { readParts, writePart } from '../state/lookups/lookup-rows.ts';
import { parseOptionalTime, unpackedJson } from './fields.ts';
import { type Fields, type OperationContext, unmeasured } from './operation.ts';

/** The fields that name a table of the pipeline. */
interface TableFields {
  readonly table: string;
}

/** The fields that name a version of it. */
interface VersionFields extends TableFields {
  readonly version: string;
}

/** The fields of a {@link lookupList}. */
export interface LookupListFields extends TableFields {
  /** Seals the versions through this arrival, epoch ms. @default seals nothing */
  readonly through?: number;
}

/** The fields of a {@link lookupUpload}. */
export interface LookupUploadFields extends VersionFields {
  /** The number of the first part. */
  readonly first: number;
  /** A JSON list of parts, each a list of rows, compressed with gzip, in Base64. */
  readonly parts: string;
}

/** The fields of a {@link lookupPublish}. */
export interface LookupPublishFields extends VersionFields {
  /** The number of parts. */
  readonly parts: number;
  /** The hash of all rows. */
  readonly hash: string;
  /**
   * The arrival from which it holds, epoch ms.
   * @default a minute from now, or from the beginning where nothing has asked for the table
   */
  readonly from?: number;
}

/** The fields of a {@link lookupRows}. */
export interface LookupRowsFields extends VersionFields {
  /** The number of the first part. */
  readonly first: number;
}

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

/** Most parts of one answer: 3 MB of text, and an answer takes 6 MB in Base64. */
const partsAtATime = 10;

/** The versions of a table, sealed through an arrival for a caller that judges what arrived. */
export const lookupList = {
  name: 'lookup-list',
  parse: (fields: Fields) => ({ table: parseTable(fields), through: parseOptionalTime(fields, 'through') }),
  async run(
    context: OperationContext,
    { table, through }: { readonly table: string; readonly through?: number | undefined },
  ) {
    await checkTable(context, table);
    const { state } = context;
    const list = through === undefined ? await readLookupList(state, table) : await sealThrough(state, table, through);
    const finite = (time: number) => (Number.isFinite(time) ? time : null);
    const { versions, sealedThrough, keptFrom } = list;
    return unmeasured<LookupListAnswer>({
      table,
      versions,
      sealedThrough: finite(sealedThrough),
      keptFrom: finite(keptFrom),
    });
  },
} as const;

interface UploadRequest {
  readonly table: string;
  readonly id: string;
  readonly first: number;
  readonly parts: readonly (readonly object[])[];
}

/** Keeps parts of the rows of a version that is to be published, from the part `first` on. */
export const lookupUpload = {
  name: 'lookup-upload',
  parse: (fields: Fields): UploadRequest => ({
    table: parseTable(fields),
    id: parseVersion(fields),
    first: parsePart(fields, 'first'),
    parts: unpackedParts(fields),
  }),
  async run(context: OperationContext, request: UploadRequest) {
    const { state, now } = context;
    const { table, parts, first } = request;
    await checkTable(context, table);
    for (const rows of parts)
      if (rows.length > mostPartRows || JSON.stringify(rows).length > mostPartBytes)
        throw argumentError(
          'parts',
          rows.length,
          'rows are more than an item holds: run tidemark lookup publish of the same release',
        );
    await Promise.all(parts.map((rows, i) => writePart(state, request, first + i, rows, now())));
    return unmeasured({ uploaded: parts.length });
  },
} as const;

/** Publishes a version whose rows are kept. */
export const lookupPublish = {
  name: 'lookup-publish',
  parse(fields: Fields): LookupPublication {
    const { hash } = fields;
    const table = parseTable(fields);
    const id = parseVersion(fields);
    if (typeof hash !== 'string' || hash === '')
      throw argumentError('hash', hash, 'is not a hash of rows: run tidemark lookup publish');
    return { table, id, hash, parts: parsePart(fields, 'parts'), from: parseOptionalTime(fields, 'from') };
  },
  async run(context: OperationContext, publication: LookupPublication) {
    await checkTable(context, publication.table);
    return unmeasured(await publishLookup(context, publication));
  },
} as const;

interface RowsRequest {
  readonly table: string;
  readonly id: string;
  readonly first: number;
}

/** The rows of a version, from the part `first` on. */
export const lookupRows = {
  name: 'lookup-rows',
  parse: (fields: Fields): RowsRequest => ({
    table: parseTable(fields),
    id: parseVersion(fields),
    first: parsePart(fields, 'first'),
  }),
  async run(context: OperationContext, request: RowsRequest) {
    await checkTable(context, request.table);
    const parts = await readParts(context.state, request, request.first, partsAtATime);
    return unmeasured<LookupRowsAnswer>({
      parts: parts.length,
      rows: gzipSync(JSON.stringify(parts.flat())).toString('base64'),
    });
  },
} as const;

/**
 * Checks that the pipeline has a table, and that the state is of the pipeline's definition.
 * @throws TidemarkError when the pipeline has no such table, or the state is of another definition
 */
async function checkTable({ pipeline, state }: OperationContext, table: string): Promise<void> {
  await checkDefinition(state, pipeline);
  if (pipeline.lookupTable?.table === table) return;
  throw argumentError(
    'table',
    table,
    pipeline.lookupTable === undefined
      ? `is not a table of pipeline ${pipeline.name}, which has none: deploy it with enrich: lookup(table('${table}'), ...)`
      : `is not a table of pipeline ${pipeline.name}: use ${pipeline.lookupTable.table}`,
  );
}

function parseTable({ table }: Fields): string {
  if (isTableName(table)) return table;
  throw argumentError('table', table, 'is not the name of a table: give the one that the pipeline looks up in');
}

function parseVersion({ version }: Fields): string {
  if (typeof version === 'string' && /^[\w-]{1,64}$/.test(version)) return version;
  throw argumentError('version', version, 'is not a version: give letters, digits, _ and -, at most 64');
}

function parsePart(fields: Fields, name: string): number {
  const part = fields[name];
  if (typeof part === 'number' && Number.isInteger(part) && part >= 0 && part <= mostLookupRows) return part;
  throw argumentError(name, part, `is not a number of parts: give a whole number from 0 to ${mostLookupRows}`);
}

function unpackedParts({ parts }: Fields): readonly (readonly object[])[] {
  const list = unpackedJson(parts);
  if (Array.isArray(list) && list.every(isPart)) return list;
  throw argumentError('parts', parts, 'are not rows, packed as tidemark lookup publish packs them: use it');
}

function isPart(part: unknown): part is readonly object[] {
  return Array.isArray(part) && part.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));
}
