import { argumentError } from '../core/arguments/error.ts';
import type { BackfillRange } from '../core/definition/backfill.ts';
import { checkDefinition } from '../state/items/definition.ts';
import type { SidePlace } from '../state/items/side-place.ts';
import {
  type BackfillStep,
  type Coverage,
  type HistoryWindow,
  backfill as runStep,
} from '../state/operations/backfill.ts';
import { advancing } from './advance.ts';
import {
  parseCount,
  parseOptionalTime,
  parsePlace,
  parseQuery,
  parseTime,
  type QueryFields,
  unpackedJson,
} from './fields.ts';
import { type Fields, type OperationContext, unmeasured } from './operation.ts';

export type { Coverage, HistoryWindow };

/** The fields of a {@link backfill}. */
export interface BackfillFields extends QueryFields {
  /** The range of event time, epoch ms. @default from the first event on */
  readonly since?: number;
  readonly until: number;
  /** What is asked for. @default look: how far the query is filled */
  readonly step?: BackfillStep['do'];
  /** The id of the backfill, which no other one has: for all steps but `look` and `late`. */
  readonly id?: string;
  /** For `stage`: a JSON list of {@link HistoryWindow}s, compressed with gzip, in Base64. */
  readonly windows?: string;
  /** For `claim`: what the input held, one of these. The first and the last record of each shard, by its name. */
  readonly shards?: Extract<Coverage, { readonly shards: unknown }>['shards'];
  /** All that arrived before this, epoch ms. */
  readonly arrivedBefore?: number;
  /** For `late`, `claim` and `settle`: the progress of the answer before. @default begins */
  readonly after?: SidePlace;
  /** For `commit`: how many windows were handed over, and who asks, for the audit. */
  readonly staged?: number;
  readonly by?: string;
  /** For `commit`: whether the query is filled and nothing is left to come. @default false */
  readonly isWhole?: boolean;
}

interface BackfillRequest {
  readonly range: BackfillRange;
  readonly step: BackfillStep;
}

/** Makes windows of a query's history final, as if the stream had held it. */
export const backfill = {
  name: 'backfill',
  parse(fields: Fields): BackfillRequest {
    const query = parseQuery(fields);
    const since = parseOptionalTime(fields, 'since') ?? Number.NEGATIVE_INFINITY;
    const until = parseTime(fields, 'until');
    return { range: { query, since, until }, step: parseStep(fields) };
  },
  async run(context: OperationContext, { range, step }: BackfillRequest) {
    const pipeline = await checkDefinition(context.state, context.pipeline);
    return unmeasured(await runStep({ ...context, pipeline, advance: advancing(context) }, range, step));
  },
} as const;

/** How each step is read from a request. */
const parsers: { readonly [Step in BackfillStep['do']]: (fields: Fields) => Extract<BackfillStep, { do: Step }> } = {
  look: () => ({ do: 'look' }),
  late: (fields) => ({ do: 'late', after: parsePlace(fields, 'after') }),
  stage: (fields) => ({ do: 'stage', id: parseText(fields, 'id'), windows: historyWindows(fields.windows) }),
  claim: (fields) => ({
    do: 'claim',
    id: parseText(fields, 'id'),
    holds: coverage(fields),
    after: parsePlace(fields, 'after'),
  }),
  commit: (fields) => ({
    do: 'commit',
    id: parseText(fields, 'id'),
    by: parseText(fields, 'by'),
    windows: parseCount(fields, 'staged'),
    isWhole: parseFlag(fields, 'isWhole'),
  }),
  settle: (fields) => ({ do: 'settle', id: parseText(fields, 'id'), after: parsePlace(fields, 'after') }),
};

function parseStep(fields: Fields): BackfillStep {
  const { step = 'look' } = fields;
  if (typeof step === 'string' && Object.hasOwn(parsers, step)) return parsers[step as BackfillStep['do']](fields);
  throw argumentError('step', step, `is not known: give one of ${Object.keys(parsers).join(', ')}`);
}

function parseText(fields: Fields, name: string): string {
  const text = fields[name];
  if (typeof text === 'string' && text !== '' && text.length <= 200) return text;
  throw argumentError(name, text, 'is not a text of 1 to 200 characters: give one');
}

function parseFlag(fields: Fields, name: string): boolean {
  const flag = fields[name] ?? false;
  if (typeof flag === 'boolean') return flag;
  throw argumentError(name, flag, 'is neither true nor false: give one');
}

function coverage(fields: Fields): Coverage {
  const { shards } = fields;
  if (shards === undefined) return { arrivedBefore: parseTime(fields, 'arrivedBefore') };
  const ranges = typeof shards === 'object' && shards !== null ? Object.entries(shards) : [];
  if (!Array.isArray(shards) && ranges.every(([, range]) => isRange(range)))
    return { shards: Object.fromEntries(ranges) };
  throw argumentError(
    'shards',
    shards,
    'are not the first and last sequence numbers by shard: give {"shard":["1","2"]}',
  );
}

function isRange(given: unknown): given is readonly [string, string] {
  return (
    Array.isArray(given) && given.length === 2 && given.every((one) => typeof one === 'string' && /^\d+$/.test(one))
  );
}

function historyWindows(packed: unknown): readonly HistoryWindow[] {
  const list = unpackedJson(packed);
  if (Array.isArray(list) && list.every(isHistoryWindow)) return list;
  throw argumentError('windows', packed, 'are not windows, packed as tidemark backfill packs them: use it');
}

function isHistoryWindow(given: unknown): given is HistoryWindow {
  if (!Array.isArray(given) || given.length !== 4) return false;
  const [start, end, records, partials]: unknown[] = given;
  return [start, end, records].every(Number.isSafeInteger) && typeof partials === 'string';
}
