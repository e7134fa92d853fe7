import { basename } from 'node:path';
import { argumentError } from '../functions/core/arguments/error.ts';
import { pipelineFile } from './pipeline-file.ts';

/** The settings of a deployment, given with `-c name=value` or in cdk.json. */
export interface Settings {
  /** `tidemark-PIPELINE-STAGE`: one stack a pipeline and stage. */
  readonly stackName: string;
  /** The pipeline's file, absolute. */
  readonly pipeline: string;
  /** `prod` keeps its stream, tables and logs when the stack is deleted. Any other stage deletes them too. */
  readonly stage: string;
  /** The number of shards of the stream; undefined: on demand. */
  readonly shards?: number;
  /** The name of an existing windows table; undefined: the stack makes one. */
  readonly windowsTable?: string;
  /** Whether there are alarms, a dashboard and access logs. Some emulators have none of them. */
  readonly operations: boolean;
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

/**
 * Reads `pipeline` (default device-actions), `stage` (default dev), `shards` (default on demand), `windowsTable`
 * (default a new one) and `operations` (default true) from the app's context. Reads the sources from there too:
 * `ingest` (default false), `objectsBucket` with `objectsPrefix`, `objectsSuffix` and `objectsNotifiedBy`, and
 * `changesStream`.
 * @param context looks up one context value; a value from a command line is text
 * @param root the folder that holds `pipelines/`; a relative path starts there
 * @throws TidemarkError naming the value that cannot be used.
 */
export function settingsOf(context: (name: string) => unknown, root: string): Settings {
  const pipeline = pipelineFile(root, text('pipeline', context('pipeline') ?? 'device-actions'));
  const stage = text('stage', context('stage') ?? 'dev');
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(stage))
    throw argumentError(
      'stage',
      stage,
      'is not a stage: give 1 to 32 lower-case letters, digits and dashes, a letter first',
    );
  const name = basename(pipeline)
    .replace(/\.[cm]?ts$/, '')
    .replace(/[^A-Za-z0-9-]+/g, '-');
  const shards = context('shards');
  const operations = flag('operations', context('operations') ?? true);
  const windowsTable = context('windowsTable');
  const changesStream = context('changesStream');
  const objects = objectsOf(context);
  return {
    stackName: `tidemark-${name}-${stage}`,
    pipeline,
    stage,
    operations,
    ingest: flag('ingest', context('ingest') ?? false),
    ...(objects === undefined ? {} : { objects }),
    ...(changesStream === undefined ? {} : { changesStream: streamArn('changesStream', changesStream) }),
    ...(shards === undefined ? {} : { shards: Number(shards) }),
    ...(windowsTable === undefined ? {} : { windowsTable: text('windowsTable', windowsTable) }),
  };
}

function objectsOf(context: (name: string) => unknown): Settings['objects'] {
  const [bucket, prefix, suffix] = ['objectsBucket', 'objectsPrefix', 'objectsSuffix'].map((name) => {
    const given = context(name);
    return given === undefined ? undefined : text(name, given);
  });
  if (bucket === undefined) return undefined;
  const notifiedBy = context('objectsNotifiedBy') ?? 'bucket';
  if (notifiedBy !== 'bucket' && notifiedBy !== 'app')
    throw argumentError(
      'objectsNotifiedBy',
      notifiedBy,
      'tells the queue nothing: give bucket, or app for a rule of your own',
    );
  return {
    bucket,
    notifiedBy,
    ...(prefix === undefined ? {} : { prefix }),
    ...(suffix === undefined ? {} : { suffix }),
  };
}

function streamArn(field: string, value: unknown): string {
  if (typeof value === 'string' && /^arn:[\w-]+:dynamodb:[\w-]*:\d*:table\/[^/]+\/stream\/.+$/.test(value))
    return value;
  throw argumentError(
    field,
    value,
    `is not the stream of a table: give its ARN with -c ${field}=arn:aws:dynamodb:...:table/NAME/stream/...`,
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
