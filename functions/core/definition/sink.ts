import { argumentError } from '../arguments/error.ts';
import { type OutputMode, outputModes } from '../results/output-mode.ts';
import type { Row } from '../results/row.ts';
import type { Window } from '../windows/window.ts';

/** Where results can go. Each kind is one file under functions/sinks and one section of docs/SINKS.md. */
export const sinkKinds = [
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

/** One of {@link sinkKinds}. */
export type SinkKind = (typeof sinkKinds)[number];

/** What all sinks take. */
export interface SinkOptions {
  /**
   * Which panes it gets, as Spark names it: `append`, final windows; `update`, changed rows at each pane; `complete`,
   * the whole table at each pane.
   * @default 'append'
   */
  readonly mode?: OutputMode;
  /** The queries whose windows it gets, with their versions: `actionsPerHour@2`. @default all */
  readonly queries?: readonly string[];
  /**
   * How often a delivery is tried, each time after a longer pause, before it goes to the dead letters. 15 are about an
   * hour and a half.
   * @default 15
   */
  readonly attempts?: number;
}

/** How windows are written in files and objects: JSON lines, a row each, or Parquet. */
export type WindowFileFormat = 'json' | 'parquet';

/** A window as `forEachWindow` gets it. */
export interface DeliveredWindow extends Window {
  readonly query: string;
  /** `final` for good, unless somebody corrects it; anything else is followed by another revision. */
  readonly status: 'early' | 'on-time' | 'late' | 'final';
  /** Counts the panes of a window from 0: what a target has of a higher one is newer. */
  readonly revision: number;
  /** How many records are in it. */
  readonly records: number;
  /** When the pane was made, epoch ms. */
  readonly emittedAt: number;
  /** All rows, or with mode `update` those that have changed since the pane that was delivered before. */
  readonly rows: readonly Row[];
}

/** A pane on its way to a target. */
export interface Delivery extends DeliveredWindow {
  /** `QUERY/START/END/REVISION`, times in epoch ms: the same for each attempt, and of no other pane of the pipeline. */
  readonly id: string;
  readonly pipeline: string;
  readonly mode: OutputMode;
  /** With mode `complete`: all windows of the query that are visible, this one among them, by start and end. */
  readonly table?: readonly DeliveredWindow[];
}

/**
 * The function of a `forEachWindow` sink, Spark's foreachBatch: at least once for a window, so what it does has to be
 * idempotent by `id`.
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

/** What every checked sink has. */
interface CommonSink {
  readonly name: string;
  readonly mode: OutputMode;
  /** Names of queries, with their versions. */
  readonly queries: readonly string[];
  readonly attempts: number;
}

/** What a checked sink has of its kind alone. */
type KindOfSink =
  | { readonly kind: 'eventBridge' | 'kinesis' | 'sqs' | 'sns' | 'dynamodb' }
  /** Without an address the deployment says where. */
  | { readonly kind: 'webhook'; readonly url: string | undefined }
  /** What the keys of objects begin with: empty, or ending with a slash. */
  | { readonly kind: 's3'; readonly format: WindowFileFormat; readonly prefix: string }
  | { readonly kind: 'file'; readonly format: WindowFileFormat; readonly folder: string }
  /** The function, or the file whose default export it is. */
  | { readonly kind: 'forEachWindow'; readonly run: WindowFunction | string };

/** A checked sink. */
export type Sink = CommonSink & KindOfSink;

/** A checked sink of one kind. */
export type SinkOf<Kind extends SinkKind> = CommonSink & Extract<KindOfSink, { readonly kind: Kind }>;

/** An event bus: an event a pane, `detail-type` "Tidemark Window". */
export const eventBridge = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'eventBridge' });

/** A stream: a record a pane, the query as its partition key, so that a query's panes stay in order. */
export const kinesis = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'kinesis' });

/** A queue: a message a pane. A FIFO queue gets each once within its five minutes, in the order of the query. */
export const sqs = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'sqs' });

/** A topic: a message a pane. */
export const sns = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'sns' });

/** An HTTPS address: a signed POST a pane (standardwebhooks.com). Without `url`, the deployment says where. */
export const webhook = (options: SinkOptions & { readonly url?: string } = {}): SinkSpec => ({
  ...options,
  kind: 'webhook',
});

/** A bucket: an object a pane, below `PREFIX/query=Q/date=YYYY-MM-DD/` of the window's start, written once. */
export const s3 = (
  options: SinkOptions & { readonly format?: WindowFileFormat; readonly prefix?: string } = {},
): SinkSpec => ({
  ...options,
  kind: 's3',
});

/** A table of DynamoDB whose key is `query` and `window`, both text: an item a window, of its greatest revision. */
export const dynamodb = (options: SinkOptions = {}): SinkSpec => ({ ...options, kind: 'dynamodb' });

/** A folder on this machine: a file a pane, laid out as in `s3`. */
export const file = (
  options: SinkOptions & { readonly folder: string; readonly format?: WindowFileFormat },
): SinkSpec => ({
  ...options,
  kind: 'file',
});

/**
 * A function of your own, in a Lambda of its own.
 * @param run the function, which is part of the pipeline and bundled wherever the pipeline is; or the path of the file
 * whose default export it is, relative to the pipeline's file, which is bundled into the sink's own Lambda alone and
 * may import anything
 */
export const forEachWindow = (run: WindowFunction | string, options: SinkOptions = {}): SinkSpec => ({
  ...options,
  kind: 'forEachWindow',
  run,
});

/** Names of sinks are part of the names of functions and of keys. */
const namePattern = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

/** An alarm looks at ten metrics at most. */
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

/** S3 keys take nearly anything; what needs no quoting anywhere is enough. */
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
 * An address that results may be sent to: encrypted, unless it is of this machine.
 * @throws TidemarkError
 */
export function checkedUrl(field: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  // The core has no URL: what is checked is what must not go wrong.
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
