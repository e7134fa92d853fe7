import { argumentError } from '../core/arguments/error.ts';
import type { Measured } from '../edge/telemetry.ts';
import { advance, drain } from './advance.ts';
import { alias } from './alias.ts';
import { type BackfillFields, backfill } from './backfill.ts';
import type { QueryFields } from './fields.ts';
import { type LateFields, late } from './late.ts';
import {
  type LookupListFields,
  type LookupPublishFields,
  type LookupRowsFields,
  type LookupUploadFields,
  lookupList,
  lookupPublish,
  lookupRows,
  lookupUpload,
} from './lookup.ts';
import type { Fields, Operation, OperationContext } from './operation.ts';
import { remove } from './remove.ts';
import { type RedriveFields, redrive, sinks } from './sinks.ts';
import { type TaskFields, tasks } from './tasks.ts';

/** The fields that each operation is asked with, by its name. */
export interface FieldsOf {
  readonly advance: unknown;
  readonly drain: unknown;
  readonly tasks: TaskFields;
  readonly sinks: unknown;
  readonly redrive: RedriveFields;
  readonly alias: QueryFields;
  readonly remove: QueryFields;
  readonly backfill: BackfillFields;
  readonly late: LateFields;
  readonly 'lookup-list': LookupListFields;
  readonly 'lookup-upload': LookupUploadFields;
  readonly 'lookup-publish': LookupPublishFields;
  readonly 'lookup-rows': LookupRowsFields;
}

/** The name of an operation. */
export type OperationName = keyof FieldsOf;

/** All operations of the finalize function, by name. */
export const operations = {
  advance,
  drain,
  tasks,
  sinks,
  redrive,
  alias,
  remove,
  backfill,
  late,
  'lookup-list': lookupList,
  'lookup-upload': lookupUpload,
  'lookup-publish': lookupPublish,
  'lookup-rows': lookupRows,
} satisfies { readonly [Name in OperationName]: Operation<unknown, unknown> & { readonly name: Name } };

/** An invocation that asks for an operation by its name. */
export type OperationRequest<Name extends OperationName> = { readonly request: Name } & FieldsOf[Name];

/** The answer of an operation. */
export type OperationAnswer<Name extends OperationName = OperationName> = Awaited<
  ReturnType<(typeof operations)[Name]['run']>
>['answer'];

/** An operation whose request has been read. It only has to be run. */
export type PreparedOperation = (context: OperationContext) => Promise<Measured<OperationAnswer>>;

/**
 * Reads an invocation. A schedule's event and a kick have no `request`, and by hand there may be no event at all. All
 * of these advance.
 * @throws TidemarkError for an unknown request: otherwise it would silently be answered with something else
 */
export function prepareOperation(event: unknown): PreparedOperation {
  if (event === null || event === undefined) return prepared(operations.advance, {});
  if (typeof event !== 'object' || Array.isArray(event))
    throw argumentError('event', event, 'is not an object: give {} or {"request":"drain"}');
  const fields: Fields = { ...event };
  const { request = 'advance' } = fields;
  if (!isOperationName(request))
    throw argumentError(
      'request',
      request,
      `is not known: give ${Object.keys(operations)
        .map((name) => `"${name}"`)
        .join(', ')}, or none to raise the watermark`,
    );
  const operation: Operation<unknown, OperationAnswer> = operations[request];
  return prepared(operation, fields);
}

function isOperationName(name: unknown): name is OperationName {
  return typeof name === 'string' && Object.hasOwn(operations, name);
}

function prepared<Request>(operation: Operation<Request, OperationAnswer>, fields: Fields): PreparedOperation {
  const request = operation.parse(fields);
  return (context) => operation.run(context, request);
}
