import { pointAlias } from '../state/operations/alias.ts';
import { parseQuery } from './fields.ts';
import { type OperationContext, unmeasured } from './operation.ts';

/** Points the name of a query to one of its versions, for all readers at once. */
export const alias = {
  name: 'alias',
  parse: parseQuery,
  run: async ({ pipeline, state }: OperationContext, query: string) =>
    unmeasured({ serves: await pointAlias(pipeline, state, query) }),
} as const;
