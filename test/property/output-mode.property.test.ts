import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedRows, type OutputPane, outputModes, outputOf } from '../../functions/core/results/output-mode.ts';
import type { Row } from '../../functions/core/results/row.ts';

/**
 * A course of panes. Each pane adds some records (a number, by key) to a window and may be its last one. Corrections
 * come after the last pane.
 */
const course = fc.array(
  fc.record({
    window: fc.nat({ max: 3 }),
    adds: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', null), fc.integer({ min: 0, max: 2 })), { maxLength: 4 }),
    isLast: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);
type Course = typeof course extends fc.Arbitrary<infer T> ? T : never;

interface Emitted {
  readonly pane: OutputPane;
  readonly before: OutputPane | undefined;
  /** The table before the pane is in it. */
  readonly table: readonly OutputPane[];
}

function play(steps: Course): readonly Emitted[] {
  const table = new Map<number, OutputPane>();
  return steps.map(({ window, adds, isLast }) => {
    const before = table.get(window);
    const sums = new Map(
      before?.rows.map((row) => [row.key['k'] ?? null, row.values['sum'] as { readonly of: number }]),
    );
    for (const [key, amount] of adds) sums.set(key, { of: (sums.get(key)?.of ?? 0) + amount });
    const pane = {
      start: window * 10,
      end: window * 10 + 10,
      status: isLast || before?.status === 'final' ? 'final' : 'early',
      revision: before === undefined ? 0 : before.revision + 1,
      rows: [...sums].map(([k, sum]) => ({ key: { k }, values: { sum } })),
    };
    const emitted = { pane, before, table: [...table.values()] };
    table.set(window, pane);
    return emitted;
  });
}

type Table = ReadonlyMap<string, Row['values']>;
const tableOf = (panes: readonly OutputPane[]): Table =>
  new Map(
    panes.flatMap(({ start, rows }) =>
      rows.map(({ key, values }) => [`${start} ${JSON.stringify(key)}`, values] as const),
    ),
  );

describe('output modes', () => {
  it('update: what went out, put over one another in order, is the whole table at each moment', () => {
    fc.assert(
      fc.property(course, (steps) => {
        const received = new Map<string, Row['values']>();
        for (const emission of play(steps)) {
          for (const [name, values] of tableOf(outputOf('update', emission))) received.set(name, values);
          expect(received).toEqual(tableOf(outputOf('complete', emission)));
        }
      }),
    );
  });

  it('update: no row goes out that stands as it is, and no pane without rows', () => {
    fc.assert(
      fc.property(course, (steps) => {
        for (const emission of play(steps)) {
          const before = tableOf(emission.before === undefined ? [] : [emission.before]);
          for (const pane of outputOf('update', emission)) expect(pane.rows).not.toEqual([]);
          for (const [name, values] of tableOf(outputOf('update', emission)))
            expect(before.get(name)).not.toEqual(values);
        }
      }),
    );
  });

  it('append: all that went out are the first final panes, each once', () => {
    fc.assert(
      fc.property(course, (steps) => {
        const emissions = play(steps);
        const firstFinal = emissions
          .filter(({ pane, before }) => pane.status === 'final' && before?.status !== 'final')
          .map(({ pane }) => pane);
        const sent = emissions.flatMap((emission) => outputOf('append', emission));
        expect(sent).toEqual(firstFinal);
        expect(new Set(sent.map(({ start }) => start)).size).toBe(sent.length);
        const windowsFinal = new Set(
          emissions.filter(({ pane }) => pane.status === 'final').map(({ pane }) => pane.start),
        );
        expect(new Set(sent.map(({ start }) => start))).toEqual(windowsFinal);
      }),
    );
  });

  it('complete: the table is the same whether the pane is in it already or not, and in the order of windows', () => {
    fc.assert(
      fc.property(course, (steps) => {
        for (const emission of play(steps)) {
          const without = outputOf('complete', emission);
          expect(outputOf('complete', { ...emission, table: [...without].reverse() })).toEqual(without);
          expect(without.map(({ start }) => start)).toEqual(
            without.map(({ start }) => start).sort((left, right) => left - right),
          );
        }
      }),
    );
  });

  it('with an unknown pane before, update sends every row and append the final pane', () => {
    fc.assert(
      fc.property(course, (steps) => {
        for (const emission of play(steps).map((one) => ({ ...one, before: undefined }))) {
          expect(outputOf('update', emission)).toEqual(emission.pane.rows.length === 0 ? [] : [emission.pane]);
          expect(outputOf('append', emission)).toEqual(emission.pane.status === 'final' ? [emission.pane] : []);
        }
      }),
    );
  });

  it('a pane that was overtaken sends nothing in update and complete, and a newer one keeps its place in the table', () => {
    const old: OutputPane = { start: 0, end: 10, status: 'early', revision: 1, rows: [{ key: {}, values: { n: 1 } }] };
    const newer: OutputPane = { ...old, revision: 2, rows: [{ key: {}, values: { n: 2 } }] };
    for (const mode of outputModes) expect(outputOf(mode, { pane: old, before: newer, table: [newer] })).toEqual([]);
    expect(outputOf('complete', { pane: old, before: undefined, table: [newer] })).toEqual([newer]);
  });

  it('rows are the same whatever the order of their members in a store', () => {
    const before: OutputPane = {
      start: 0,
      end: 10,
      status: 'early',
      revision: 0,
      rows: [{ key: { a: 1, b: null }, values: { top: [{ x: 1, y: [2] }] } }],
    };
    const after = { ...before, revision: 1, rows: [{ key: { b: null, a: 1 }, values: { top: [{ y: [2], x: 1 }] } }] };
    expect(changedRows(after, before)).toEqual([]);
    expect(
      changedRows({ ...after, rows: [{ key: { a: 1, b: null }, values: { top: [{ x: 1, y: [3] }] } }] }, before),
    ).toHaveLength(1);
  });
});
