import { gunzipSync } from 'node:zlib';
import { argumentError } from '../core/arguments/error.ts';
import type { BackfillRange } from '../core/definition/backfill.ts';
import type { HistoryWindow } from '../state/operations/backfill.ts';
import type { CorrectionRequest } from '../state/operations/correction.ts';
import type { LookupRequest } from '../state/operations/lookup-operations.ts';
import { type LookupEvent, lookupRequest } from './lookup-request.ts';

/**
 * What the finalize function is invoked with: a schedule's event, or a request by somebody who operates the pipeline.
 */
export interface FinalizeEvent extends LookupEvent {
  readonly request?: 'drain' | 'alias' | 'remove' | 'backfill' | 'late' | 'sinks' | 'redrive' | 'lookup';
  /** For `redrive`: which sink's dead letters. */
  readonly sink?: string;
  /** For `alias`, `remove`, `backfill` and `late`: a query with its version, `actionsPerHour@2`. */
  readonly query?: string;
  /**
   * For `backfill`: the range of event time, for `late` the one of arrivals, epoch ms.
   * @default from the first event on
   */
  readonly since?: number;
  readonly until?: number;
  /** For `late`: what is to become of the events. */
  readonly settled?: 'replayed' | 'discarded';
  /** For `late`: only events of the windows that start here, epoch ms. @default of all windows */
  readonly window?: number;
  /** For `late`: who asks, for the audit. */
  readonly by?: string;
  /** For `backfill`: a JSON list of {@link HistoryWindow}s, compressed with gzip, in Base64. @default none */
  readonly windows?: string;
  /** For `backfill`: nothing is left to come, the query is filled. @default false */
  readonly isWhole?: boolean;
}

/**
 * What an invocation asks for: a finalize run, or a change to what is kept of a query, or something about a table that
 * events are joined with.
 */
export type FinalizeTask =
  | { readonly task: 'advance' | 'drain' | 'sinks' }
  | { readonly task: 'redrive'; readonly sink: string }
  | { readonly task: 'alias' | 'remove'; readonly query: string }
  | { readonly task: 'lookup'; readonly lookup: LookupRequest }
  | { readonly task: 'late'; readonly correction: CorrectionRequest }
  | {
      readonly task: 'backfill';
      readonly range: BackfillRange;
      readonly windows: readonly HistoryWindow[];
      readonly isWhole: boolean;
    };

/**
 * What an invocation asks for. A schedule's event has no `request`, and by hand there may be no event at all.
 * @throws TidemarkError for a request that is not known: it would be answered with something else, in silence
 */
export function finalizeRequest(event: unknown): FinalizeTask {
  if (event === null || event === undefined) return { task: 'advance' };
  if (typeof event !== 'object' || Array.isArray(event))
    throw argumentError('event', event, 'is not an object: give {} or {"request":"drain"}');
  const { request, query, sink }: { readonly request?: unknown; readonly query?: unknown; readonly sink?: unknown } =
    event;
  if (request === undefined) return { task: 'advance' };
  if (request === 'drain' || request === 'sinks') return { task: request };
  if (request === 'redrive') {
    if (typeof sink !== 'string') throw argumentError('sink', sink, 'is no name of a sink: give one of the pipeline');
    return { task: request, sink };
  }
  if (request === 'lookup') return { task: request, lookup: lookupRequest(event) };
  if (request !== 'alias' && request !== 'remove' && request !== 'backfill' && request !== 'late')
    throw argumentError(
      'request',
      request,
      'is not known: give "drain" to end the stream, "sinks", "redrive" with a sink, "alias", "remove", "backfill" or "late" with a query, "lookup" with a table, or none to raise the watermark',
    );
  if (typeof query !== 'string')
    throw argumentError('query', query, 'is no name of a query: give one with its version, such as "actionsPerHour@2"');
  if (request === 'late') return { task: request, correction: correctionRequest(event, query) };
  return request === 'backfill' ? { task: request, ...backfillRequest(event, query) } : { task: request, query };
}

function correctionRequest(event: object, query: string): CorrectionRequest {
  const { since, until, settled, window, by }: { readonly [name in keyof FinalizeEvent]?: unknown } = event;
  if (settled !== 'replayed' && settled !== 'discarded')
    throw argumentError('settled', settled, 'is not known: give "replayed" or "discarded"');
  for (const [name, time] of Object.entries({ since, until }))
    if (!Number.isSafeInteger(time)) throw argumentError(name, time, 'is no time: give epoch milliseconds');
  if (window !== undefined && !Number.isSafeInteger(window))
    throw argumentError('window', window, 'is no time: give epoch milliseconds');
  if (typeof by !== 'string' || by === '') throw argumentError('by', by, 'says nobody: say who asks, for the audit');
  const arrival = { fromMs: since as number, toMs: until as number };
  return { query, settled, arrival, window: window as number | undefined, by };
}

function backfillRequest(event: object, query: string) {
  const { since, until, windows, isWhole }: { readonly [name in keyof FinalizeEvent]?: unknown } = event;
  if (since !== undefined && !Number.isSafeInteger(since))
    throw argumentError('since', since, 'is no time: give epoch milliseconds');
  if (!Number.isSafeInteger(until)) throw argumentError('until', until, 'is no time: give epoch milliseconds');
  if (isWhole !== undefined && typeof isWhole !== 'boolean')
    throw argumentError('isWhole', isWhole, 'is neither true nor false: give one');
  const range = { query, since: (since as number | undefined) ?? Number.NEGATIVE_INFINITY, until: until as number };
  return { range, windows: historyWindows(windows), isWhole: isWhole ?? false };
}

function historyWindows(packed: unknown): readonly HistoryWindow[] {
  if (packed === undefined) return [];
  try {
    const list: unknown = JSON.parse(gunzipSync(Buffer.from(String(packed), 'base64')).toString());
    if (Array.isArray(list) && list.every(isHistoryWindow)) return list;
  } catch {
    // Neither gzip nor JSON: the same mistake.
  }
  throw argumentError('windows', packed, 'are no windows, packed as tidemark backfill packs them: use it');
}

function isHistoryWindow(given: unknown): given is HistoryWindow {
  if (!Array.isArray(given) || given.length !== 4) return false;
  const [start, end, records, partials]: unknown[] = given;
  return [start, end, records].every(Number.isSafeInteger) && typeof partials === 'string';
}
