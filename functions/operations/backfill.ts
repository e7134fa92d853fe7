import { argumentError } from '../core/arguments/error.ts';
import type { BackfillRange } from '../core/definition/backfill.ts';
import { checkDefinition } from '../state/items/definition.ts';
import { type HistoryWindow, writeHistory } from '../state/operations/backfill.ts';
import { parseOptionalTime, parseQuery, parseTime, type QueryFields, unpackedJson } from './fields.ts';
import { type Fields, type OperationContext, unmeasured } from './operation.ts';

export type { HistoryWindow };

/** The fields of a {@link backfill}. */
export interface BackfillFields extends QueryFields {
  /** The range of event time, epoch ms. @default from the first event on */
  readonly since?: number;
  readonly until: number;
  /** A JSON list of {@link HistoryWindow}s, compressed with gzip, in Base64. @default none */
  readonly windows?: string;
  /** Whether the query is filled and nothing is left to come. @default false */
  readonly isWhole?: boolean;
}

interface BackfillRequest {
  readonly range: BackfillRange;
  readonly windows: readonly HistoryWindow[];
  readonly isWhole: boolean;
}

/** Makes windows of a query's history final, as if the stream had held it. */
export const backfill = {
  name: 'backfill',
  parse(fields: Fields): BackfillRequest {
    const { windows, isWhole } = fields;
    const query = parseQuery(fields);
    const since = parseOptionalTime(fields, 'since') ?? Number.NEGATIVE_INFINITY;
    const until = parseTime(fields, 'until');
    if (isWhole !== undefined && typeof isWhole !== 'boolean')
      throw argumentError('isWhole', isWhole, 'is neither true nor false: give one');
    return { range: { query, since, until }, windows: historyWindows(windows), isWhole: isWhole ?? false };
  },
  async run(context: OperationContext, { range, windows, isWhole }: BackfillRequest) {
    await checkDefinition(context.state, context.pipeline);
    return unmeasured(await writeHistory(context, range, windows, isWhole));
  },
} as const;

function historyWindows(packed: unknown): readonly HistoryWindow[] {
  if (packed === undefined) return [];
  const list = unpackedJson(packed);
  if (Array.isArray(list) && list.every(isHistoryWindow)) return list;
  throw argumentError('windows', packed, 'are not windows, packed as tidemark backfill packs them: use it');
}

function isHistoryWindow(given: unknown): given is HistoryWindow {
  if (!Array.isArray(given) || given.length !== 4) return false;
  const [start, end, records, partials]: unknown[] = given;
  return [start, end, records].every(Number.isSafeInteger) && typeof partials === 'string';
}
