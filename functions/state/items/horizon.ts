import { type Item, numberOf, type Table } from '../table/table.ts';

/** How far event time has come, in epoch ms; minus infinity before anything. Each only grows (DESIGN section 1). */
export interface Horizon {
  /** The global watermark as last computed. */
  readonly watermark: number;
  /** Buckets whose closing is at or below it take no more records. */
  readonly closedThrough: number;
  /** The windows that close at or below it have been emitted. */
  readonly finalizedThrough: number;
}

const key = { pk: 'horizon', sk: 'horizon' };

/** Reads the horizon, strongly consistent. */
export async function readHorizon(state: Table): Promise<Horizon> {
  return horizonOf(await state.get(key));
}

function horizonOf(item: Item | undefined): Horizon {
  const field = (name: string) => (item === undefined ? undefined : numberOf(item, name)) ?? Number.NEGATIVE_INFINITY;
  return {
    watermark: field('watermark'),
    closedThrough: field('closedThrough'),
    finalizedThrough: field('finalizedThrough'),
  };
}

/**
 * Raises `watermark` and `closedThrough` to at least `to` and returns the horizon after it. Conditional: neither ever
 * moves back, whoever else raises it.
 */
export async function raiseClosedThrough(state: Table, to: number): Promise<Horizon> {
  const raised = await state.update(key, { set: { watermark: to, closedThrough: to } }, [
    { attribute: 'closedThrough', is: 'absentOrBelow', bound: to },
  ]);
  return raised.outcome === 'applied' ? horizonOf(raised.item) : readHorizon(state);
}

/** Raises `finalizedThrough` to at least `to`. Conditional: it never moves back. */
export async function raiseFinalizedThrough(state: Table, to: number): Promise<void> {
  await state.update(key, { set: { finalizedThrough: to } }, [
    { attribute: 'finalizedThrough', is: 'absentOrBelow', bound: to },
  ]);
}
