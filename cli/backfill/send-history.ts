import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { BackfillRange } from '../../functions/core/definition/backfill.ts';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { isoTime } from '../../functions/core/events/event-time.ts';
import { encodePartials } from '../../functions/core/fold/partial.ts';
import type { StaticWindow } from '../../functions/core/static/static-run.ts';
import type { BackfillFields, HistoryWindow } from '../../functions/operations/backfill.ts';
import type { OperationAnswer } from '../../functions/operations/table.ts';
import type { AskOperation } from '../deployment/invoke.ts';
import { TidemarkError } from '../program/errors.ts';

/** The finalize function, and the range of the query that it is to fill. */
export interface HistoryTarget {
  readonly ask: AskOperation;
  readonly range: BackfillRange;
}

/** An invocation takes 6 MB; Base64 takes a third of it, and the rest of the request a little. */
const mostPackedBytes = 4_400_000;
/**
 * The limits of one invocation: windows, and bytes of their text before it is packed. It stages them within its
 * time-out, with much to spare.
 */
const mostWindows = 500;
const mostTextBytes = 16_000_000;

/** Asks for one step of a backfill. */
export function sendRequest(
  { ask, range }: HistoryTarget,
  more: Omit<BackfillFields, 'query' | 'since' | 'until'> = {},
): Promise<OperationAnswer<'backfill'>> {
  const since = Number.isFinite(range.since) ? { since: range.since } : {};
  return ask({ request: 'backfill', query: range.query, until: range.until, ...since, ...more });
}

/** The pause before a request that the one before has not brought any further, in ms. */
const againAfterMs = 500;

/**
 * Asks for a step until it is done, each time from the place that the answer before had come to.
 * @returns the last answer, with all late events that the answers told of
 */
export async function sendUntilDone(
  target: HistoryTarget,
  more: Omit<BackfillFields, 'query' | 'since' | 'until' | 'after'>,
  signal: AbortSignal,
  onProgress: (late: number) => void,
): Promise<OperationAnswer<'backfill'>> {
  let late = 0;
  for (let after: OperationAnswer<'backfill'>['progress'] = null; ; ) {
    signal.throwIfAborted();
    const answer: OperationAnswer<'backfill'> = await sendRequest(target, {
      ...more,
      ...(after === null ? {} : { after }),
    });
    late += answer.late;
    if (answer.done) return { ...answer, late };
    onProgress(late);
    if (JSON.stringify(after) === JSON.stringify(answer.progress)) await delay(againAfterMs, undefined, { signal });
    after = answer.progress;
  }
}

/** Hands over all windows, many at a time, under the id of a backfill. */
export async function sendHistory(
  target: HistoryTarget,
  id: string,
  query: Query,
  windows: readonly StaticWindow[],
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<void> {
  let sent = 0;
  for (const history of batches(query, windows)) {
    signal.throwIfAborted();
    for (const packed of pack(history)) await sendRequest(target, { step: 'stage', id, windows: packed });
    sent += history.length;
    onProgress(sent);
  }
}

function* batches(query: Query, windows: readonly StaticWindow[]): Generator<readonly HistoryWindow[]> {
  let batch: HistoryWindow[] = [];
  let bytes = 0;
  for (const { start, end, records, partials } of windows) {
    const text = encodePartials(query, partials);
    if (batch.length === mostWindows || (batch.length > 0 && bytes + text.length > mostTextBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push([start, end, records, text]);
    bytes += text.length;
  }
  if (batch.length > 0) yield batch;
}

/** Packs the windows; a part that does not pack well enough is cut in halves. */
function pack(history: readonly HistoryWindow[]): readonly string[] {
  const packed = gzipSync(JSON.stringify(history));
  if (packed.length <= mostPackedBytes) return [packed.toString('base64')];
  const [first] = history;
  if (history.length < 2 || first === undefined)
    throw new TidemarkError(
      `window ${isoTime(first?.[0] ?? 0)}: its keys take ${packed.length} bytes, packed, and an invocation takes ${mostPackedBytes}: fill it from a stream, tidemark replay`,
    );
  const half = Math.ceil(history.length / 2);
  return [...pack(history.slice(0, half)), ...pack(history.slice(half))];
}
