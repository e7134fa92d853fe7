import type { Json } from '../../core/aggregates/index.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { decodeEach, encodePartials, type Partials, partialOfRow } from '../../core/fold/partial.ts';
import { isGroupRow, withGrouping } from '../../core/fold/window-result.ts';
import type { Row } from '../../core/results/row.ts';
import { resultOf, storedResult } from '../table/stored-result.ts';
import type { Attribute, Attributes, Item } from '../table/table.ts';
import type { Pane } from './pane.ts';

/**
 * Rows up to this many bytes, with the states behind them, are kept in the manifest itself. More rows go to parts.
 */
export const manifestBytes = 32 * 1024;

/** A row as it is written. */
export interface DraftRow {
  readonly row: Row;
  /** The group's key; undefined for a total. */
  readonly key: KeyText | undefined;
  /** The encoded partial aggregates behind a group's row, where windows keep these. */
  readonly states: string | undefined;
  /** About how many bytes the row takes in an item. JSON text is longer than DynamoDB's form of it. */
  readonly bytes: number;
}

/** The rows of a pane as they are written. */
export function draftRows(query: Query, partials: Partials, rows: readonly Row[]): readonly DraftRow[] {
  const withStates = hasStates(query);
  return rows.map((row) => {
    const key = isGroupRow(query, row) ? JSON.stringify(query.groupBy.map((name) => row.key[name] ?? null)) : undefined;
    const partial = withStates && key !== undefined ? partials.get(key) : undefined;
    const states =
      partial === undefined || key === undefined ? undefined : encodePartials(query, [[key, partial]]).slice(1, -1);
    return {
      row,
      key,
      states,
      bytes: Buffer.byteLength(JSON.stringify(row)) + (states === undefined ? 0 : Buffer.byteLength(states)),
    };
  });
}

/**
 * Rows cut into chunks of a size that each fit into an item, whatever states are behind them. A sketch may be a hundred
 * times as large as its result: a row that is larger is a chunk of its own.
 */
export function chunked(rows: readonly DraftRow[], chunkBytes: number): readonly (readonly DraftRow[])[] {
  const chunks: DraftRow[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (bytes + row.bytes > chunkBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks[chunks.length - 1]?.push(row);
    bytes += row.bytes;
  }
  return chunks;
}

/** About how many bytes rows take in an item. */
export function bytesOf(rows: readonly DraftRow[]): number {
  return rows.reduce((total, { bytes }) => total + bytes, 0);
}

/** The attributes that hold rows, in a manifest or in a part. */
export function contentOf(query: Query, rows: readonly DraftRow[]): Attributes {
  const stored = rows.map(({ row }) => ({ ...storedFields(row.key), ...storedFields(row.values) }));
  return hasStates(query)
    ? { rows: stored, states: `[${rows.flatMap(({ states }) => states ?? []).join()}]` }
    : { rows: stored };
}

/** The fields of a row in DynamoDB's form. */
export function storedFields(fields: Readonly<Record<string, Json>>): Readonly<Record<string, Attribute>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, storedResult(value)]));
}

/** Whether windows keep the partial aggregates of a query beside their rows: where results alone cannot be added up. */
export function hasStates({ aggregates }: Query): boolean {
  return aggregates.some((aggregate) => aggregate.stateOf === undefined);
}

/** The rows that a manifest or a part holds. */
export function rowsOf(query: Query, item: Item): readonly Row[] {
  const rows = item.attributes.rows;
  if (!Array.isArray(rows)) throw new Error(`window ${item.pk} ${item.sk}: no rows`);
  return rows.map((stored: Readonly<Record<string, Attribute>>) =>
    withGrouping(query, {
      key: Object.fromEntries(
        query.groupBy.flatMap((name) => (stored[name] === undefined ? [] : [[name, resultOf(stored[name])]])),
      ) as Row['key'],
      values: Object.fromEntries(query.aggregateNames.map((name) => [name, resultOf(stored[name])])),
    }),
  );
}

/** The encoded partial aggregates that manifests or parts hold; undefined when there are none. */
export function statesOf(contents: readonly Attributes[]): readonly string[] | undefined {
  const states = contents.flatMap(({ states: text }) => (typeof text === 'string' ? [text] : []));
  return states.length === 0 ? undefined : states;
}

/** The encoded partial aggregates of one key among those that parts hold. */
export function statesOfKey(
  query: Query,
  states: readonly string[] | undefined,
  key: KeyText,
): readonly string[] | undefined {
  const isOfKey = ([own]: readonly [KeyText, unknown]) => own === key;
  return states?.map((text) => encodePartials(query, decodeEach(query, text).filter(isOfKey)));
}

/** The partial aggregates of a pane, to be merged with others'. */
export function partialsOf(query: Query, pane: Pane): Partials {
  if (pane.states !== undefined) return new Map(pane.states.flatMap((text) => decodeEach(query, text)));
  return new Map(
    pane.rows
      .filter((row) => isGroupRow(query, row))
      .map((row) => [JSON.stringify(query.groupBy.map((name) => row.key[name] ?? null)), partialOfRow(query, row)]),
  );
}
