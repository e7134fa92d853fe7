import pLimit from 'p-limit';
import { argumentError } from '../../core/arguments/error.ts';
import type { BackfillRange } from '../../core/definition/backfill.ts';
import { backfillPipeline, backfillQuery } from '../../core/definition/backfill.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { decodePartials } from '../../core/fold/partial.ts';
import { readHorizon } from '../epochs/progress.ts';
import { noteFilled, readFilling } from '../items/definition.ts';
import type { Publisher } from '../sinks/outbox.ts';
import type { Table } from '../table/table.ts';
import { readPane } from '../windows/pane-reader.ts';
import { writeFinalPane } from '../windows/pane-writer.ts';

/**
 * A window of the history that was folded elsewhere: its bounds in epoch ms, the number of its records, and its partial
 * aggregates, encoded.
 */
export type HistoryWindow = readonly [start: number, end: number, records: number, partials: string];

/** Windows whose content is decoded at the same time: a bound of memory. */
const windowsAtATime = 32;

/** The inputs of a backfill. */
export interface BackfillOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly publish: Publisher['publish'];
  /** Epoch ms. */
  readonly now: () => number;
}

/** The answer to a backfill. Times are epoch ms. */
export interface Backfill {
  /** Windows that this call made final. */
  readonly written: number;
  /** Windows that were final before. They stay as they are. */
  readonly standing: number;
  /** The time from which the query counts the stream; null: from its deployment on. */
  readonly from: number | null;
  /** Below this time, no record of the stream is counted any more; null before anything has come. */
  readonly closedThrough: number | null;
  /** The time up to which the query is filled; null: it is not filled at all. */
  readonly filledThrough: number | null;
}

/**
 * Makes windows of a query's history final, as if the stream had held it. Nothing is counted twice: the range has to
 * lie where the stream's records go into no window of the query any more, before its `from` or at or below
 * `finalizedThrough`. A window that is final stays as it is. Idempotent.
 * @param isWhole the windows of this call and the calls before are all that there are: the query is filled until the
 * end of the range
 * @throws TidemarkError when the stream's own records may still go into a window of the range, or a window lies outside
 * of it
 */
export async function writeHistory(
  options: BackfillOptions,
  range: BackfillRange,
  history: readonly HistoryWindow[],
  isWhole: boolean,
): Promise<Backfill> {
  const { pipeline, state, windows, publish, now } = options;
  const query = backfillQuery(pipeline, range.query);
  const [{ window: windowsInRange, until: lastEnd } = query] = backfillPipeline(pipeline, range).queries;
  const { closedThrough, finalizedThrough } = await readHorizon(state, [query]);
  const { until } = range;
  if (until > query.from && lastEnd + query.latenessMs > finalizedThrough)
    throw argumentError(
      'until',
      isoTime(until),
      `is after what the stream has left behind for good: ${Number.isFinite(finalizedThrough) ? `its windows are final until ${isoTime(finalizedThrough)}` : 'none of its windows is final'}, ` +
        `and ${query.name} ${Number.isFinite(query.from) ? `begins at ${isoTime(query.from)}` : 'has no from'}: give an earlier time`,
    );
  const limit = pLimit(windowsAtATime);
  const outcomes = await Promise.all(
    history.map(([start, end, records, partials]) =>
      limit(async () => {
        const window = windowsInRange.emit(end).find((emitted) => emitted.start === start);
        if (window === undefined)
          throw argumentError(
            'windows',
            `${start}/${end}`,
            `is not a window of ${query.name} in the range that is filled: run tidemark backfill of the same release`,
          );
        const standing = await readPane(windows, query, window);
        if (standing?.status === 'final') {
          // The run that made it final may have died before the sinks were told.
          await publish(standing);
          return 'standing';
        }
        await publish(
          await writeFinalPane(windows, query, window, {
            partials: decodePartials(query, partials),
            records,
            nowMs: now(),
          }),
        );
        return 'written';
      }),
    ),
  );
  if (isWhole) await noteFilled(state, query.name, until);
  const { filledThrough } = await readFilling(state, query.name);
  const written = outcomes.filter((outcome) => outcome === 'written').length;
  return {
    written,
    standing: outcomes.length - written,
    from: finite(query.from),
    closedThrough: finite(closedThrough),
    filledThrough: filledThrough ?? null,
  };
}

/** A time for JSON. Minus infinity, the time before anything has come, is null. */
function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}
