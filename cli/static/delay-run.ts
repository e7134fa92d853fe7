import type { RowsAt } from '../../functions/core/definition/lookup-table.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type Counters, noEvents } from '../../functions/core/events/counters.ts';
import { createIdSet } from '../../functions/core/events/id-set.ts';
import { type AcceptedEvent, eventReader, type Rejection } from '../../functions/core/fold/read-event.ts';
import { createDelayTable, type DelayTable } from '../../functions/core/static/delay-table.ts';
import type { InputFile } from '../input/input-file.ts';
import { eventLines } from './event-lines.ts';
import { pieceBytes, unitsOf } from './pieces.ts';
import { createRejections, type Rejections } from './rejections.ts';
import { createReadBuffer } from './scan.ts';
import { scanInput } from './scan-input.ts';
import type { RejectedSample } from './static-engine.ts';

/** The options of {@link runDelay}. */
export interface DelayRunOptions {
  readonly pipeline: Pipeline;
  /** The rows of the pipeline's table. @default it has none */
  readonly rowsAt?: RowsAt | undefined;
  readonly files: readonly InputFile[];
  readonly delaysMs: readonly number[];
  /** The arrival of every event, epoch ms. */
  readonly arrivalMs: number;
  /** Hears from time to time how many bytes have been read. */
  readonly onProgress: (bytes: number) => void;
  /** Aborted: the reading ends with an AbortError. */
  readonly signal: AbortSignal;
}

/** The delay table of files. */
export interface DelayResult extends Rejections<RejectedSample> {
  readonly table: DelayTable;
  /** Events by class, as far as no delay decides it. `counted` is every event here that a query wants. */
  readonly counters: Counters;
}

/** Reads the files in their order, as one shard would have got them. It takes one thread, because the order matters. */
export async function runDelay({
  pipeline,
  rowsAt,
  files,
  delaysMs,
  arrivalMs,
  onProgress,
  signal,
}: DelayRunOptions): Promise<DelayResult> {
  const table = createDelayTable(pipeline, delaysMs);
  const reader = eventReader(pipeline, rowsAt);
  const buffer = createReadBuffer();
  const rejections = createRejections<RejectedSample>();
  const counters = { ...noEvents };
  const ids = createIdSet(Number.POSITIVE_INFINITY);
  let path = '';
  let linesBefore = 0;

  const reject = (reason: string, detail: string, line: number): void => {
    counters.received++;
    counters.rejected++;
    rejections.note({ path, line: linesBefore + line, reason, detail });
  };
  const take = (read: AcceptedEvent | Rejection, line: number): AcceptedEvent | Rejection => {
    if (read.outcome === 'rejected') {
      reject(read.reason, read.detail, line);
      return read;
    }
    counters.received++;
    if (read.id !== undefined && ids.judge(read.id, arrivalMs) === 'duplicate') {
      counters.duplicate++;
      return read;
    }
    counters[read.keys.some((key) => key !== undefined) ? 'counted' : 'filtered']++;
    table.add(read);
    return read;
  };
  const handler = eventLines({
    parsed: (event, line) => take(reader.parsed(event, arrivalMs), line),
    text: (text, line) => take(reader.text(text, arrivalMs), line),
    unreadable: reject,
  });

  let bytesRead = 0;
  const onBytes = (bytes: number): void => {
    bytesRead += bytes;
    onProgress(bytesRead);
    signal.throwIfAborted();
  };
  for (const piece of unitsOf(files, pieceBytes).flat()) {
    const file = files[piece.file];
    if (file === undefined) continue;
    if (piece.from === 0) {
      ({ path } = file);
      linesBefore = 0;
    }
    linesBefore += await scanInput(file, piece, buffer, handler, onBytes);
    await new Promise((resolve) => setImmediate(resolve)); // signals are heard, and the progress is shown
  }
  return { table, counters, rejected: rejections.rejected, reasons: rejections.reasons };
}
