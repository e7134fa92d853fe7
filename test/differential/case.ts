/** How the events of a case lie in their file. */
export type CaseFormat = 'json' | 'csv' | 'parquet';

/** How event times are written: a number of ms or of s, or ISO 8601. */
export type TimeForm = 'ms' | 's' | 'iso';

/** The fields of events, in the order of columns. `fields.ts` says what they hold. */
export const fieldNames = ['time', 'id', 'k', 'g', 'i', 'x', 'f', 'd', 'w', 'b'] as const;
export type FieldName = (typeof fieldNames)[number];

/**
 * An event as it is written: the JSON text of each field that it has. `line` stands for a line of JSON that is not such
 * an object.
 */
export interface CaseEvent {
  readonly fields?: Readonly<Partial<Record<FieldName, string>>>;
  readonly line?: string;
}

/** A window that follows from time alone. Times in ms. */
export type TimeWindow =
  | { readonly kind: 'tumbling'; readonly sizeMs: number; readonly offsetMs: number; readonly zone?: string }
  | { readonly kind: 'sliding'; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs: number }
  | { readonly kind: 'cumulate'; readonly sizeMs: number; readonly stepMs: number; readonly offsetMs: number }
  | {
      readonly kind: 'calendar';
      readonly unit: 'day' | 'week' | 'month';
      readonly zone: string;
      /** 0 is Monday. */
      readonly weekStart?: number;
    }
  | { readonly kind: 'global' };

/** A session. */
export interface SessionWindow {
  readonly kind: 'session';
  readonly gapMs: number;
  readonly resolutionMs: number;
}

/** A window of a case. */
export type CaseWindow = TimeWindow | SessionWindow;

/** An aggregate of a case: one of `aggregates.ts`, over fields, with its numbers. */
export interface CaseAggregate {
  readonly kind: string;
  readonly field?: FieldName;
  readonly by?: FieldName;
  /** A limit, percentiles, edges: what the kind asks for. */
  readonly numbers?: readonly number[];
  /** A condition of `conditions.ts`. */
  readonly condition?: string;
}

/** A query of a case. */
export interface CaseQuery {
  readonly name: string;
  readonly window: CaseWindow;
  /** Names of `group-keys.ts`. */
  readonly groupBy: readonly string[];
  readonly totals?: 'rollup' | 'cube';
  /** A name of `conditions.ts`. */
  readonly where?: string;
  readonly latenessMs: number;
  /** By position: their names are a0, a1, ... */
  readonly aggregates: readonly CaseAggregate[];
}

/** A batch of one shard, by the positions of its events, in order. */
export interface CaseBatch {
  readonly shard: number;
  readonly events: readonly number[];
  /** The batch is delivered once more, as Lambda does. */
  readonly repeated: boolean;
  /** It goes to a container that remembers nothing. */
  readonly cold: boolean;
  /** Finalize runs after it. */
  readonly finalize: boolean;
}

/** A pipeline, events, and how they come: everything that a comparison needs. It is JSON. */
export interface DifferentialCase {
  readonly seed: number;
  readonly format: CaseFormat;
  readonly timeForm: TimeForm;
  readonly delayMs: number;
  readonly futureSkewMs: number;
  /** When all events arrive, epoch ms. */
  readonly arrivalMs: number;
  readonly dedup: boolean;
  readonly queries: readonly CaseQuery[];
  readonly events: readonly CaseEvent[];
  readonly shards: number;
  readonly eventsPerRecord: number;
  readonly batches: readonly CaseBatch[];
}
