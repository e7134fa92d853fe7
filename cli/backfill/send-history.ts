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
 * The limits of one invocation: windows, and bytes of their text before it is packed. It writes them within its
 * time-out, with much to spare.
 */
const mostWindows = 500;
const mostTextBytes = 16_000_000;

/** Asks how far the query is filled, or hands it windows. */
export function sendRequest(
  { ask, range }: HistoryTarget,
  more: Pick<BackfillFields, 'windows' | 'isWhole'> = {},
): Promise<OperationAnswer<'backfill'>> {
  const since = Number.isFinite(range.since) ? { since: range.since } : {};
  return ask({ request: 'backfill', query: range.query, until: range.until, ...since, ...more });
}

/** Hands over all windows, many at a time. Windows that were handed over before stay as they are. */
export async function sendHistory(
  target: HistoryTarget,
  query: Query,
  windows: readonly StaticWindow[],
  signal: AbortSignal,
  onProgress: (sent: number) => void,
): Promise<{ readonly written: number; readonly standing: number }> {
  let written = 0;
  let standing = 0;
  let sent = 0;
  for (const history of batches(query, windows)) {
    signal.throwIfAborted();
    for (const packed of pack(history)) {
      const answer = await sendRequest(target, { windows: packed });
      written += answer.written;
      standing += answer.standing;
    }
    sent += history.length;
    onProgress(sent);
  }
  return { written, standing };
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
