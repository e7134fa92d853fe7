import { argumentError } from '../arguments/error.ts';
import { type OutputMode, outputModes } from '../results/output-mode.ts';
import type { Row } from '../results/row.ts';
import type { Window } from '../windows/window.ts';

/** Where results can go. Each kind is one file under functions/sinks and one section of docs/SINKS.md. */
const sinkKinds = [
  'eventBridge',
  'kinesis',
  'sqs',
  'sns',
  'webhook',
  's3',
  'dynamodb',
  'file',
  'forEachWindow',
] as const;

/** The kinds of sinks. */
export type SinkKind = (typeof sinkKinds)[number];

/** The options of every sink. */
export interface SinkOptions {
  /**
   * The panes that the sink gets, as Spark names them: `append`, final windows; `update`, changed rows at each pane;
   * `complete`, the whole table at each pane.
   * @default 'append'
   */
  readonly mode?: OutputMode;
  /** The queries whose windows the sink gets, with their versions: `actionsPerHour@2`. @default all */
  readonly queries?: readonly string[];
  /**
   * How often a delivery is tried before it goes to the dead letters. Each try comes after a longer pause. 15 tries
   * take about an hour and a half.
   * @default 15
   */
  readonly attempts?: number;
}

/** The format of windows in files and objects: JSON lines, one row each, or Parquet. */
export type WindowFileFormat = 'json' | 'parquet';

/** A window as `forEachWindow` gets it. */
export interface DeliveredWindow extends Window {
  /** The name of the query. */
  readonly query: string;
  /** `final`: for good, unless somebody corrects the window. Any other status is followed by another revision. */
  readonly status: 'early' | 'on-time' | 'late' | 'final';
  /** The number of the pane among those of its window, from 0. A target's copy with a higher revision is newer. */
  readonly revision: number;
  /** The number of records in the window. */
  readonly records: number;
  /** When the pane was made, epoch ms. */
  readonly emittedAt: number;
  /** All rows; with mode `update`, those that have changed since the pane that was delivered before. */
  readonly rows: readonly Row[];
}

/** A pane on its way to a target. */
export interface Delivery extends DeliveredWindow {
  /**
   * `QUERY/START/END/REVISION`, times in epoch ms. It is the same for each attempt, and no other pane of the pipeline
   * has it.
   */
  readonly id: string;
  /** The name of the pipeline. */
  readonly pipeline: string;
  /** The mode of the sink. */
  readonly mode: OutputMode;
  /** With mode `complete`: all windows of the query that are visible, including this one, by start and end. */
  readonly table?: readonly DeliveredWindow[];
}

/**
 * The function of a `forEachWindow` sink, Spark's foreachBatch. It is called at least once for a window, so it has to
 * be idempotent by `id`.
 */
export type WindowFunction = (window: Delivery) => unknown;

/** A sink as it is written, by one of the functions below. */
export interface SinkSpec extends SinkOptions {
  readonly kind: SinkKind;
  readonly format?: WindowFileFormat;
  readonly prefix?: string;
  readonly folder?: string;
  readonly url?: string;
  /** A function, or the file whose default export it is, relative to the pipeline's file. */
  readonly run?: WindowFunction | string;
}

/** The members that every checked sink has. */
interface CommonSink {
  readonly name: string;
  readonly mode: OutputMode;
  /** Names of queries, with their versions. */
  readonly queries: readonly string[];
  readonly attempts: number;
}

/** The members of a checked sink that depend on its kind. */
type KindOfSink =
  | { readonly kind: 'eventBridge' | 'kinesis' | 'sqs' | 'sns' | 'dynamodb' }
  /** Without an address, the deployment gives it. */
  | { readonly kind: 'webhook'; readonly url: string | undefined }
  /** The beginning of all keys of objects: empty, or ending with a slash. */
  | { readonly kind: 's3'; readonly format: WindowFileFormat; readonly prefix: string }
  | { readonly kind: 'file'; readonly format: WindowFileFormat; readonly folder: string }
  /** The function, or the file whose default export it is. */
  | { readonly kind: 'forEachWindow'; readonly run: WindowFunction | string };

/** A checked sink. */
export type Sink = CommonSink & KindOfSink;

/** A checked sink of one kind. */
export type SinkOf<Kind extends SinkKind> = CommonSink & Extract<KindOfSink, { readonly kind: Kind }>;

/**
 * An event bus of EventBridge, which gets an event for each pane, `detail-type` "Tidemark Window".
 * @example
 * eventBridge({ queries: ['failuresPerMinute'] });
 */
export const eventBridge = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'eventBridge' });

/**
 * A stream of Kinesis, which gets a record for each pane. The query is its partition key, so that a query's panes stay
 * in order.
 * @example
 * kinesis();
 */
export const kinesis = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'kinesis' });

/**
 * A queue of SQS, which gets a message for each pane. A FIFO queue gets each once within its five minutes, in the order
 * of the query.
 * @example
 * sqs();
 */
export const sqs = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'sqs' });

/**
 * A topic of SNS, which gets a message for each pane.
 * @example
 * sns({ mode: 'update' });
 */
export const sns = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'sns' });

/**
 * An HTTPS address, which gets a signed POST for each pane (standardwebhooks.com). Without `url`, the deployment gives
 * it.
 * @example
 * webhook({ url: 'https://example.com/windows' });
 * @param options beside those of every sink: `url`, `https://`, or `http://` to this machine
 */
export const webhook = (options: SinkOptions & { readonly url?: string } = {}): SinkSpec => ({
  ...options,
  kind: 'webhook',
});

/**
 * A bucket of S3, which gets an object for each pane, written once, below `PREFIX/query=Q/date=YYYY-MM-DD/` of the
 * window's start.
 * @example
 * s3({ format: 'parquet', prefix: 'counts' });
 * @param options beside those of every sink: `format`, JSON lines by default; `prefix`, the beginning of all keys, none
 * by default
 */
export const s3 = (
  options: SinkOptions & { readonly format?: WindowFileFormat; readonly prefix?: string } = {},
): SinkSpec => ({
  ...options,
  kind: 's3',
});

/**
 * A table of DynamoDB with the key `query` and `window`, both text. It has an item for each window, of its greatest
 * revision.
 * @example
 * dynamodb();
 */
export const dynamodb = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'dynamodb' });

/**
 * A folder on this machine, which gets a file for each pane, laid out as in `s3`.
 * @example
 * file({ folder: 'windows' });
 * @param options beside those of every sink: `folder`, relative to where the command runs; `format`, JSON lines by
 * default
 */
export const file = (
  options: SinkOptions & { readonly folder: string; readonly format?: WindowFileFormat },
): SinkSpec => ({
  ...options,
  kind: 'file',
});

/**
 * A function of your own, in a Lambda of its own.
 * @example
 * forEachWindow('./to-postgres.ts');
 * forEachWindow((window) => console.log(window.id, window.rows.length), { mode: 'update' });
 * @param run the function itself, which is part of the pipeline and bundled wherever the pipeline is. Or the path of
 * the file whose default export it is, relative to the pipeline's file. That file is bundled into the sink's own Lambda
 * alone and may import anything.
 */
export const forEachWindow = (run: WindowFunction | string, options: SinkOptions = {}): SinkSpec => ({
  ...options,
  kind: 'forEachWindow',
  run,
});

/** Names of sinks are part of the names of functions and of keys. */
const namePattern = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

/** Most sinks of a pipeline: an alarm looks at ten metrics at most. */
const mostSinks = 10;

const common = ['kind', 'mode', 'queries', 'attempts'];
const settingsOf: Readonly<Record<SinkKind, readonly string[]>> = {
  eventBridge: common,
  kinesis: common,
  sqs: common,
  sns: common,
  webhook: [...common, 'url'],
  s3: [...common, 'format', 'prefix'],
  dynamodb: common,
  file: [...common, 'format', 'folder'],
  forEachWindow: [...common, 'run'],
};

/**
 * Checks the sinks of a pipeline.
 * @param queryNames the pipeline's queries
 * @throws TidemarkError that names the field, the value and the remedy
 */
export function checkedSinks(
  sinks: Readonly<Record<string, SinkSpec>> | undefined,
  queryNames: readonly string[],
): readonly Sink[] {
  if (sinks === undefined) return [];
  if (typeof sinks !== 'object' || sinks === null || Array.isArray(sinks))
    throw argumentError('sinks', sinks, 'is not sinks by name: write { toQueue: sqs() }');
  const given = Object.entries(sinks);
  if (given.length > mostSinks)
    throw argumentError(
      'sinks',
      given.length,
      `are too many: give at most ${mostSinks}, or let a bus or a topic fan out`,
    );
  return given.map(([name, spec]) => checkedSink(name, spec, queryNames));
}

function checkedSink(name: string, spec: SinkSpec, queryNames: readonly string[]): Sink {
  const field = `sinks.${name}`;
  if (!namePattern.test(name))
    throw argumentError(field, name, 'is not a name of a sink: use letters and digits, a letter first, at most 32');
  if (typeof spec !== 'object' || spec === null || !sinkKinds.includes(spec.kind))
    throw argumentError(field, spec, `is not a sink: use ${sinkKinds.join(', ')}, such as sqs()`);
  const unknown = Object.keys(spec).find((setting) => !settingsOf[spec.kind].includes(setting));
  if (unknown !== undefined)
    throw argumentError(
      `${field}.${unknown}`,
      unknown,
      `is not a setting of ${spec.kind}: use ${settingsOf[spec.kind].slice(1).join(', ')}`,
    );
  const { mode = 'append', queries = queryNames, attempts = 15 } = spec;
  if (!outputModes.includes(mode))
    throw argumentError(`${field}.mode`, mode, `is not an output mode: use ${outputModes.join(', ')}`);
  if (!Array.isArray(queries) || queries.length === 0)
    throw argumentError(
      `${field}.queries`,
      queries,
      'is not a list of queries: name at least one, or leave it out for all',
    );
  const other = queries.find((query) => !queryNames.includes(query));
  if (other !== undefined)
    throw argumentError(`${field}.queries`, other, `is not a query of the pipeline: use ${queryNames.join(', ')}`);
  if (!Number.isSafeInteger(attempts) || attempts < 1 || attempts > 1000)
    throw argumentError(
      `${field}.attempts`,
      attempts,
      'is not a number of attempts: give a whole number from 1 to 1,000',
    );
  return { name, mode, queries: [...new Set(queries)], attempts, ...checkedKind(field, spec) };
}

function checkedKind(field: string, spec: SinkSpec): KindOfSink {
  const { kind } = spec;
  switch (kind) {
    case 'webhook':
      return { kind, url: checkedUrl(`${field}.url`, spec.url) };
    case 's3': {
      const format = checkedFormat(`${field}.format`, spec.format);
      return { kind, format, prefix: checkedPrefix(`${field}.prefix`, spec.prefix) };
    }
    case 'file': {
      const format = checkedFormat(`${field}.format`, spec.format);
      return { kind, format, folder: checkedText(`${field}.folder`, spec.folder, 'is not a folder: name one') };
    }
    case 'forEachWindow':
      return { kind, run: typeof spec.run === 'function' ? spec.run : checkedFile(field, spec.run) };
    default:
      return { kind };
  }
}

function checkedFormat(field: string, format: WindowFileFormat = 'json'): WindowFileFormat {
  if (format !== 'json' && format !== 'parquet')
    throw argumentError(field, format, "is not a format: use 'json' or 'parquet'");
  return format;
}

function checkedFile(field: string, run: string | undefined): string {
  return checkedText(
    field,
    run,
    "is neither a function of the window nor a file with one: write forEachWindow('./to-postgres.ts')",
  );
}

function checkedText(field: string, text: unknown, remedy: string): string {
  if (typeof text !== 'string' || text === '') throw argumentError(field, text, remedy);
  return text;
}

/** A checked prefix of keys. S3 keys take nearly anything; characters that need no quoting anywhere are enough. */
function checkedPrefix(field: string, prefix: string | undefined): string {
  if (prefix === undefined || prefix === '') return '';
  if (typeof prefix !== 'string' || !/^[A-Za-z0-9_.=-]+(\/[A-Za-z0-9_.=-]+)*\/?$/.test(prefix) || prefix.length > 200)
    throw argumentError(
      field,
      prefix,
      "is not a prefix of keys: use letters, digits, _ . = - and /, such as 'tidemark/counts'",
    );
  return prefix.endsWith('/') ? prefix : `${prefix}/`;
}

/**
 * A checked address for results: encrypted, unless it is on this machine.
 * @throws TidemarkError
 */
export function checkedUrl(field: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  // The core has no URL class, so only the parts that matter are checked.
  if (
    typeof url !== 'string' ||
    !/^(https:\/\/[^/\s@]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)(\/[^\s]*)?$/.test(url)
  )
    throw argumentError(
      field,
      url,
      'is not an address: give one that begins with https:// (http:// only for 127.0.0.1) and holds no password',
    );
  return url;
}
