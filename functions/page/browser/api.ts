/** The parts of the API's answers that the page reads. Times are epoch ms. */

export interface ShownRow {
  readonly key: Readonly<Record<string, unknown>>;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface ShownWindow {
  readonly start: number;
  readonly end: number;
  readonly status: 'open' | 'closing' | 'final';
  readonly records: number;
  readonly rows: readonly ShownRow[];
}

export interface ShownQuery {
  readonly name: string;
  /** The name without a version, when it stands for this query; null when it stands for another version. */
  readonly serves: string | null;
  /** The IANA time zone on whose clocks its windows lie. */
  readonly timeZone: string;
  readonly groupBy: readonly string[];
  readonly aggregates: Readonly<Record<string, string>>;
}

export interface ShownShard {
  readonly shardId: string;
  readonly state: string;
  readonly maxEventTime: number | null;
  readonly watermark: number | null;
  readonly lagMs: number | null;
}

export interface ShownWatermark {
  readonly watermark: number | null;
  readonly finalizedThrough: number | null;
  readonly lagMs: number | null;
  readonly heldBy: string | null;
  /** The moment of which the shards are told; null: of now. */
  readonly asOf: number | null;
  /** Why nothing is counted. */
  readonly refusals: readonly string[];
  readonly shards: readonly ShownShard[];
}

/** The classes of a query's events. */
export interface ShownPairs {
  readonly counted: number;
  readonly late: number;
  readonly filtered: number;
}

/** The classes that an event can end in, in the order of the law of conservation. */
export const shownClasses = ['counted', 'late', 'duplicate', 'rejected', 'filtered'] as const;

export interface ShownConservation extends Readonly<Record<(typeof shownClasses)[number], number>> {
  readonly received: number;
  readonly holds: boolean;
  /** The moment of which the numbers are; null: of now. */
  readonly asOf: number | null;
  /** Pairs of an event and a query, by name of the query. */
  readonly queries: Readonly<Record<string, ShownPairs>>;
}

export interface ShownSideEvent {
  readonly reason: string;
  readonly detail: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly subRecord: number;
  readonly query: string | null;
  readonly arrival: number;
  readonly payload: string;
}

/** How the command line finds the deployment. */
export interface ShownHealth {
  readonly pipeline: string;
  readonly source: 'kinesis' | 'kafka';
  readonly stream: string;
  readonly stack: string | null;
  readonly port: number | null;
}

export interface ShownLetter {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly attempts: number;
  readonly failingSince: number | null;
  readonly reason: string | null;
}

export interface ShownSink {
  readonly name: string;
  readonly kind: string;
  readonly mode: string;
  readonly queries: readonly string[];
  readonly served: boolean;
  readonly delivered: number;
  readonly lastDeliveredAt: number | null;
  readonly waiting: number;
  readonly waitingSince: number | null;
  readonly failing: ShownLetter | null;
  readonly dead: number;
  readonly deadLetters: readonly ShownLetter[];
  readonly hasMore: boolean;
}

export interface ShownCommand {
  readonly id: string;
  readonly kind: 'replay' | 'backfill' | 'remove';
  readonly query: string;
  readonly by: string | null;
  readonly putAt: number | null;
  readonly stage: 'waiting' | 'gathering' | 'emitting' | 'done';
  readonly windows: number | null;
  readonly written: number | null;
  readonly left: number | null;
}

export interface ShownEpoch {
  readonly epoch: number;
  readonly at: number | null;
}

export interface ShownOperations {
  readonly elected: ShownEpoch;
  readonly gathered: number;
  readonly emitted: Readonly<Record<string, ShownEpoch>>;
  readonly commands: readonly ShownCommand[];
  readonly backfills: readonly { readonly id: string; readonly query: string; readonly at: number | null }[];
  readonly removals: readonly string[];
}

export interface ShownHistory {
  /** Null: nothing keeps measurements. */
  readonly source: string | null;
  readonly points: readonly {
    readonly at: number;
    readonly received: number | null;
    readonly lagMs: number | null;
    readonly queries: Readonly<Record<string, { readonly counted: number; readonly late: number }>>;
  }[];
}

/**
 * The request itself is at fault. The message is shown as it is, and the request is repeated only when something is
 * changed.
 */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** Nobody answered, or the answer was not the API's. The API is away, and comes back. */
class Away extends Error {
  override readonly name = 'Away';
}

/** Longest wait (ms) for an answer: API Gateway itself gives up after 29 s. */
const answerWithinMs = 30_000;

/**
 * The address of the API: beside the page. The page may lie below a stage of API Gateway, whose address people type
 * without its last slash.
 */
export function apiBase({ origin, pathname }: { readonly origin: string; readonly pathname: string }): string {
  return `${origin}${pathname.endsWith('/') ? pathname : `${pathname}/`}v1/`;
}

/** Asks the API. */
export type Ask = <Answer>(
  path: string,
  parameters?: Readonly<Record<string, string | number | undefined>>,
) => Promise<Answer>;

/** @param signal aborted: the answers are no longer wanted */
export function asker(base: string, signal: AbortSignal): Ask {
  return async <Answer>(path: string, parameters: Readonly<Record<string, string | number | undefined>> = {}) => {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined) url.searchParams.set(name, String(value));
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]) });
      answer = await response.json();
    } catch (error) {
      throw new Away('no answer', { cause: error });
    }
    if (response.ok) return answer as Answer;
    if (response.status >= 500 || response.status === 429) throw new Away(`the API answers ${response.status}`);
    throw new Refused(`${response.status}: ${detailOf(answer)}`);
  };
}

/** A problem document says `detail`; API Gateway itself says `message`. */
function detailOf(answer: unknown): string {
  const { detail, message }: { readonly detail?: unknown; readonly message?: unknown } =
    typeof answer === 'object' && answer !== null ? answer : {};
  return String(detail ?? message ?? 'refused');
}
