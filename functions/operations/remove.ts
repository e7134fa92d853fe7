import { removeQuery } from '../state/operations/remove-query.ts';
import { advancing } from './advance.ts';
import { parseQuery } from './fields.ts';
import { type OperationContext, unmeasured } from './operation.ts';

/** Deletes all that is kept of a query that the pipeline no longer has. */
export const remove = {
  name: 'remove',
  parse: parseQuery,
  run: async (context: OperationContext, query: string) =>
    unmeasured(await removeQuery({ ...context, advance: advancing(context) }, query)),
} as const;
