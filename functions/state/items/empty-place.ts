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
  /** The epoch that has noted it; undefined: none has. */
  readonly epoch?: number;
  /** Where that epoch began, epoch ms. */
  readonly began?: number;
}

/** The place of a query; undefined before its first final window. It only grows. */
export async function readEmptyPlace(state: Table, query: Query): Promise<EmptyPlace | undefined> {
  const item = await state.get(definitionKey(query.name));
  const end = item && numberOf(item, 'emptyThrough');
  if (item === undefined || end === undefined) return undefined;
  const [epoch, began] = [numberOf(item, 'emptyEpoch'), numberOf(item, 'emptyBegan')];
  const run = numberOf(item, 'emptyRun') ?? 0;
  return epoch === undefined || began === undefined ? { end, run } : { end, run, epoch, began };
}

/** Notes a place. Conditional on growing: a run that is behind leaves the place of the one ahead. */
export async function noteEmptyPlace(
  state: Table,
  query: Query,
  { end, run, epoch, began }: EmptyPlace,
): Promise<void> {
  const begin = epoch === undefined || began === undefined ? {} : { emptyEpoch: epoch, emptyBegan: began };
  await state.update(definitionKey(query.name), { set: { emptyThrough: end, emptyRun: run, ...begin } }, [
    { attribute: 'emptyThrough', is: 'absentOrBelow', bound: end },
  ]);
}
