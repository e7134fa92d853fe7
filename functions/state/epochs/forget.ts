import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import { lastClosing } from '../../core/windows/window.ts';
import { positionText } from '../log/entry.ts';
import type { EmittedPlace } from '../log/epoch.ts';
import type { Plan } from '../log/plan.ts';
import { type Key, numberOf, type Table } from '../table/table.ts';
import type { EpochBounds } from './bounds.ts';
import { leastSlice } from './emit.ts';
import { lanesOfQuery, slicesOfLane } from './segment.ts';

/** What a run forgets with. */
export interface ForgetOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  readonly bounds: EpochBounds;
  readonly hasTime: () => boolean;
  /** When what nothing needs any more may go, epoch seconds: a zombie that still reads it has ended by then. */
  readonly expiresAt: number;
}

/** Items that one run gives an expiry, of each kind and query. */
const mostItems = 500;

/**
 * Gives an expiry to what every query has emitted past (DESIGN 4.5): epochs, plans and marks, and the segments of
 * slices in which no window is open. Repeatable: it notes how far it has come, and an expiry that is set again is the
 * same fact. It costs a write for each item once more.
 */
export async function forgetEmitted(
  options: ForgetOptions,
  newest: Plan | undefined,
  emitted: ReadonlyMap<string, EmittedPlace>,
): Promise<void> {
  const { pipeline, bounds } = options;
  if (newest === undefined || newest.epoch % bounds.forgetsEvery !== 0) return;
  const places = pipeline.queries.map(({ name }) => emitted.get(name)?.epoch ?? 0);
  // The newest plan says where the logs go on, and stays.
  await forgetEpochs(options, Math.min(newest.epoch, ...places) - 1);
  await Promise.all(
    pipeline.queries.map((query) => forgetSegments(options, newest, query, emitted.get(query.name)?.closedThrough)),
  );
}

async function forgetEpochs(options: ForgetOptions, through: number): Promise<void> {
  const { state, hasTime } = options;
  const key = { pk: 'forgotten', sk: '#epochs' };
  const item = await state.get(key);
  const done = (item && numberOf(item, 'epoch')) ?? 0;
  const last = Math.min(through, done + mostItems);
  if (last <= done || !hasTime()) return;
  const range = { from: positionText(done + 1), to: `${positionText(last)}~` };
  for (const [pk, attribute] of [
    ['epochs', 'at'],
    ['plans', 'at'],
    ['marks', 'touched'],
  ] as const)
    await expire(options, await state.query(pk, { ...range, only: [attribute] }), attribute);
  await state.put({ ...key, attributes: { epoch: last } }, [{ attribute: 'epoch', is: 'absentOrBelow', bound: last }]);
}

async function forgetSegments(
  options: ForgetOptions,
  plan: Plan,
  query: Query,
  closedThrough = Number.NEGATIVE_INFINITY,
): Promise<void> {
  const { state, hasTime } = options;
  if (!Number.isFinite(closedThrough)) return;
  const key = { pk: 'forgotten', sk: query.name };
  const item = await state.get(key);
  const before = (item && numberOf(item, 'through')) ?? Number.NEGATIVE_INFINITY;
  const range = { from: leastSlice(query, before), to: closedThrough };
  let through = closedThrough;
  for (const lane of lanesOfQuery(plan, query)) {
    let items = 0;
    let reached = before;
    for await (const { slice, segments } of slicesOfLane(state, lane, range, (all) => all)) {
      const closing = lastClosing(query.window, slice);
      if (closing <= before) continue;
      if (closing > closedThrough) break;
      // Slices may share their last closing: what is noted lies below all that are left.
      if (items >= mostItems && closing > reached) {
        through = Math.min(through, reached);
        break;
      }
      if (!hasTime()) return;
      await expire(
        options,
        segments.flatMap(({ head, items: parts }) => parts.filter((part) => part !== head)),
        'blocks',
      );
      await expire(
        options,
        segments.map(({ head }) => head),
        'parts',
      );
      items += segments.length;
      reached = closing;
    }
  }
  if (through > before)
    await state.put({ ...key, attributes: { through } }, [
      { attribute: 'through', is: 'absentOrBelow', bound: through },
    ]);
}

/**
 * Sets when items may go. Conditional: it brings back nothing that is gone already.
 * @param attribute one that all of them have
 */
async function expire(
  { state, limit, expiresAt }: ForgetOptions,
  keys: readonly Key[],
  attribute: string,
): Promise<void> {
  await Promise.all(
    keys.map(({ pk, sk }) =>
      limit(() =>
        state.update({ pk, sk }, { set: { expiresAt } }, [
          { attribute: 'expiresAt', is: 'absent' },
          { attribute, is: 'present' },
        ]),
      ),
    ),
  );
}
