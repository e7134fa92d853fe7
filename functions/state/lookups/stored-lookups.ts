import { type Lookups, lookupsOf } from '../../core/definition/lookups.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import type { Table } from '../table/table.ts';
import { sealThrough } from './lookup-list.ts';
import { readRows } from './lookup-rows.ts';

/** The rows that a pipeline's lookup needs, read from the state table. For the functions. */
export function storedLookups(pipeline: Pipeline, state: Table): Lookups {
  return lookupsOf(pipeline, {
    sealed: (table, arrivalMs) => sealThrough(state, table, arrivalMs),
    rows: (table, { id, parts }) => readRows(state, { table, id }, parts),
  });
}
