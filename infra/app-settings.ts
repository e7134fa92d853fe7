import { basename } from 'node:path';
import { durationMs } from '../functions/core/arguments/duration.ts';
import { argumentError, TidemarkError } from '../functions/core/arguments/error.ts';
import { nearest } from '../functions/core/definition/named-fields.ts';
import { type FunctionName, functions } from '../functions/core/deployment/settings.ts';
import { defined } from './defined.ts';
import { pipelineFile } from './pipeline-file.ts';

/** The settings of a deployment, given with `-c name=value` or in cdk.json. A setting that is not given is left out. */
export interface Settings {
  /** `tidemark-PIPELINE-STAGE`: one stack a pipeline and stage. */
  readonly stackName: string;
  /** The pipeline's file, absolute. */
  readonly pipeline: string;
  /** `prod` keeps its stream, tables and logs when the stack is deleted. Any other stage deletes them too. */
  readonly stage: string;
  /** Whether the stack keeps its stream, tables and logs, whatever its stage. */
  readonly removalPolicy?: 'retain' | 'destroy';
  /** The number of shards of the stream; without it the stream is on demand. */
  readonly shards?: number;
  /** How long the new stream keeps records, in ms. */
  readonly streamRetentionMs?: number;
  /** Most records in one invocation of aggregate. */
  readonly batchSize?: number;
  /** How long Lambda gathers a batch, in ms. */
  readonly batchWindowMs?: number;
  /** How often finalize is invoked, in ms. */
  readonly scheduleMs?: number;
  /** Most runs of finalize at a time; 0: as many as the account lets. */
  readonly finalizeConcurrency?: number;
  /** Most invocations of finalize that take tasks beside the one that leads; 0: none. */
  readonly finalizeTasks?: number;
  /** Memory (MB) and time-outs (ms) of functions, where they are not the usual ones. */
  readonly functionSettings: Readonly<
    Partial<Record<FunctionName, { readonly memoryMb?: number; readonly timeoutMs?: number }>>
  >;
  readonly architecture?: 'arm64' | 'x86_64';
  /** Whether requests are traced by X-Ray. */
  readonly tracing?: boolean;
  /** The name of an existing windows table; without it the stack makes one. */
  readonly windowsTable?: string;
  /** Whether there are alarms, a dashboard and access logs. Some emulators have none of them. */
  readonly operations: boolean;
  /** The ARN of the SNS topic that hears of alarms. */
  readonly alarmTopic?: string;
  /** Whether events can be posted to the API. */
  readonly ingest: boolean;
  /** The bucket whose new objects are fed, and the filter of their keys. */
  readonly objects?: {
    readonly bucket: string;
    readonly prefix?: string;
    readonly suffix?: string;
    readonly notifiedBy: 'bucket' | 'app';
  };
  /** The ARN of the stream of the table whose changes are fed. */
  readonly changesStream?: string;
}

const functionNames = Object.keys(functions) as FunctionName[];

/** The names of all settings. Each is in docs/OPERATIONS.md, and is synthesized by test/template/contexts.slow.test.ts. */
export const contextNames: readonly string[] = [
  ...['pipeline', 'stage', 'removalPolicy', 'shards', 'streamRetention', 'batchSize', 'batchWindow', 'schedule'],
  ...['finalizeConcurrency', 'finalizeTasks', ...functionNames.flatMap((name) => [memoryOf(name), timeoutOf(name)])],
  ...['architecture', 'tracing', 'windowsTable', 'operations', 'alarmTopic', 'ingest', 'objectsBucket'],
  ...['objectsPrefix', 'objectsSuffix', 'objectsNotifiedBy', 'changesStream'],
];

/**
 * Reads the settings from the app's context (docs/OPERATIONS.md, "Settings of a deployment").
 * @param context all of it; a value from a command line is text. Names with a colon, a slash or a dash are the CDK's
 * @param root the folder that holds `pipelines/`; a relative path starts there
 * @throws TidemarkError naming the setting that is unknown, or the value that cannot be used
 */
export function settingsOf(context: Readonly<Record<string, unknown>>, root: string): Settings {
  checkNames(Object.keys(context));
  const given = <Value>(name: string, read: (name: string, value: unknown) => Value): Value | undefined =>
    context[name] === undefined ? undefined : read(name, context[name]);
  const pipeline = pipelineFile(root, given('pipeline', text) ?? text('pipeline', 'device-actions'));
  const stage = given('stage', text) ?? 'dev';
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(stage))
    throw argumentError(
      'stage',
      stage,
      'is not a stage: give 1 to 32 lower-case letters, digits and dashes, a letter first',
    );
  const name = basename(pipeline)
    .replace(/\.[cm]?ts$/, '')
    .replace(/[^A-Za-z0-9-]+/g, '-');
  return defined({
    stackName: `tidemark-${name}-${stage}`,
    pipeline,
    stage,
    removalPolicy: given('removalPolicy', oneOf('retain', 'destroy')),
    shards: given('shards', count),
    streamRetentionMs: given('streamRetention', duration),
    batchSize: given('batchSize', count),
    batchWindowMs: given('batchWindow', duration),
    scheduleMs: given('schedule', duration),
    finalizeConcurrency: given('finalizeConcurrency', count),
    finalizeTasks: given('finalizeTasks', count),
    functionSettings: Object.fromEntries(
      functionNames.flatMap((own) => {
        const memoryMb = given(memoryOf(own), count);
        const timeoutMs = given(timeoutOf(own), duration);
        return memoryMb === undefined && timeoutMs === undefined ? [] : [[own, defined({ memoryMb, timeoutMs })]];
      }),
    ),
    architecture: given('architecture', oneOf('arm64', 'x86_64')),
    tracing: given('tracing', flag),
    windowsTable: given('windowsTable', text),
    operations: given('operations', flag) ?? true,
    alarmTopic: given('alarmTopic', arn('sns', 'a topic', 'arn:aws:sns:REGION:ACCOUNT:NAME', /^[\w-]+$/)),
    ingest: given('ingest', flag) ?? false,
    objects: given('objectsBucket', (_, bucket) =>
      defined({
        bucket: text('objectsBucket', bucket),
        prefix: given('objectsPrefix', text),
        suffix: given('objectsSuffix', text),
        notifiedBy: given('objectsNotifiedBy', oneOf('bucket', 'app')) ?? 'bucket',
      }),
    ),
    changesStream: given(
      'changesStream',
      arn(
        'dynamodb',
        'the stream of a table',
        'arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/...',
        /^table\/[^/]+\/stream\/.+$/,
      ),
    ),
  });
}

function memoryOf(name: FunctionName): string {
  return `${name}Memory`;
}

function timeoutOf(name: FunctionName): string {
  return `${name}Timeout`;
}

/** The CDK ignores a context that nobody asks for, so a misspelt one would be a deployment without the setting. */
function checkNames(names: readonly string[]): void {
  const stray = names.find((name) => /^[A-Za-z]+$/.test(name) && !contextNames.includes(name));
  if (stray === undefined) return;
  const near = nearest(stray, contextNames);
  throw new TidemarkError(
    `-c ${stray}: is not a setting of the app: ${near === undefined ? `use ${contextNames.join(', ')}` : `did you mean ${near}?`}`,
  );
}

function flag(field: string, value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw argumentError(field, value, `is neither true nor false: give one with -c ${field}=false`);
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw argumentError(field, value, `is not a name: give one with -c ${field}=NAME`);
}

/** A number that the construct checks further. */
function count(field: string, value: unknown): number {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))) return Number(value);
  throw argumentError(field, value, `is not a number: give a whole one with -c ${field}=4`);
}

/** A length of time that the construct checks further, in ms. */
function duration(field: string, value: unknown): number {
  return durationMs(field, typeof value === 'string' ? value : String(value), {
    leastMs: 0,
    mostMs: Number.MAX_SAFE_INTEGER,
  });
}

function oneOf<const Value extends string>(...values: readonly Value[]) {
  return (field: string, value: unknown): Value => {
    const found = values.find((one) => one === value);
    if (found === undefined)
      throw argumentError(field, value, `is none of ${values.join(', ')}: give one with -c ${field}=${values[0]}`);
    return found;
  };
}

function arn(service: string, what: string, example: string, resource: RegExp) {
  return (field: string, value: unknown): string => {
    const found = /^arn:[\w-]+:([\w-]+):[\w-]*:\d*:(.+)$/.exec(String(value));
    if (found?.[1] === service && resource.test(found[2] ?? '')) return String(value);
    throw argumentError(field, value, `is not ${what}: give its ARN with -c ${field}=${example}`);
  };
}
