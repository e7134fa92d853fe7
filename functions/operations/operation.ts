import type { Pipeline } from '../core/definition/pipeline.ts';
import type { Measured } from '../edge/telemetry.ts';
import type { OtherRuns } from '../state/epochs/task-runner.ts';
import type { Publisher } from '../state/sinks/outbox.ts';
import type { Stream } from '../state/stream/stream.ts';
import type { Table } from '../state/table/table.ts';

/** The fields of an invocation as they came, unchecked. */
export type Fields = Readonly<Record<string, unknown>>;

/** The part of a deployment that an operation works with. */
export interface OperationContext {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
  readonly rejects: Table;
  readonly stream: Stream;
  /** The sinks that have a function here. */
  readonly served: ReadonlySet<string>;
  readonly publish: Publisher['publish'];
  /** Has the function of a sink asked for a run when the operation is over. */
  readonly wake: (sink: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
  readonly remainingMs: () => number;
  /** Waits for some ms. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Other invocations of finalize, which take tasks beside this one. @default this one does all itself */
  readonly others?: OtherRuns | undefined;
  /** A new id at each call. */
  readonly newId: () => string;
  /** Logs errors that the answer does not tell. */
  readonly logError: (message: string, fields: Readonly<Record<string, string>>) => void;
}

/** One thing that the finalize function can be asked for: a row of the table of operations. */
export interface Operation<Request, Answer> {
  /** The request's name, as an invocation gives it. */
  readonly name: string;
  /** @throws TidemarkError that names the wrong field, its value and the remedy */
  parse(fields: Fields): Request;
  run(context: OperationContext, request: Request): Promise<Measured<Answer>>;
}

/** An answer without metrics. */
export function unmeasured<Answer>(answer: Answer): Measured<Answer> {
  return { answer, counts: {}, milliseconds: {} };
}
