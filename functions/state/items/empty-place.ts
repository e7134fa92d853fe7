import type { Query } from '../../core/definition/pipeline.ts';
import { numberOf, type Table } from '../table/table.ts';
import { definitionKey } from './definition.ts';

/**
 * How far a query's empty windows are emitted: all that end at or before `end`, and the last `run` windows of these
 * were empty.
 */
export interface EmptyPlace {
  /** Epoch ms. */
  readonly end: number;
  readonly run: number;
}

/** The place of a query; undefined before its first final window. It only grows. */
export async function readEmptyPlace(state: Table, query: Query): Promise<EmptyPlace | undefined> {
  const item = await state.get(definitionKey(query.name));
  const end = item && numberOf(item, 'emptyThrough');
  return item === undefined || end === undefined ? undefined : { end, run: numberOf(item, 'emptyRun') ?? 0 };
}

/** Notes a place. Conditional on growing: a run that is behind leaves the place of the one ahead. */
export async function noteEmptyPlace(state: Table, query: Query, { end, run }: EmptyPlace): Promise<void> {
  await state.update(definitionKey(query.name), { set: { emptyThrough: end, emptyRun: run } }, [
    { attribute: 'emptyThrough', is: 'absentOrBelow', bound: end },
  ]);
}
