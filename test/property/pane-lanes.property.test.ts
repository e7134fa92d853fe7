import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import type { GroupValue } from '../../functions/core/events/group-key.ts';
import { type KeyField, longestOrderText, orderText } from '../../functions/core/events/key-order.ts';
import { compareRows, isGroupRow, sortedRows } from '../../functions/core/fold/window-result.ts';
import type { Row } from '../../functions/core/results/row.ts';
import type { Item, Table } from '../../functions/state/table/table.ts';
import { readPane, readPaneRows, readPanes } from '../../functions/state/windows/pane-reader.ts';
import { partialsOf } from '../../functions/state/windows/pane-rows.ts';
import { writeOnlyPaneAt, writePaneAt } from '../../functions/state/windows/pane-writer.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { compareUtf8 } from '../../functions/testing/utf8-order.ts';
import { hour, laneQueries, partialsOfKeys, writeLaned } from '../fixtures/panes/laned-pane.ts';

/** Text whose characters are at the edges of what the order texts tell apart. */
const edges = [
  '',
  '\u0000',
  ' ',
  '!',
  '"',
  'a',
  'b',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10fffe}',
  '\u{10ffff}',
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...edges), { maxLength: 4 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 6 }),
  // Longer than an order text, and alike for as long.
  fc.tuple(fc.integer({ min: 190, max: 230 }), fc.constantFrom(...edges)).map(([n, end]) => `${'x'.repeat(n)}${end}`),
);
const value: fc.Arbitrary<GroupValue> = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 3, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  fc.integer({ min: -3, max: 3 }),
  fc.boolean(),
  fc.constant(null),
);

const rowOfFields = (fields: readonly KeyField[]): Pick<Row, 'key'> => ({
  key: Object.fromEntries(fields.flatMap((field, i) => (field === undefined ? [] : [[String(i), field]]))),
});

/** Keys with some text behind them; each once. */
const keysOf = (most: number, longest: number) =>
  fc
    .tuple(
      fc.array(fc.tuple(value, value), { maxLength: 30 }),
      fc.integer({ min: 0, max: most }),
      fc.integer({ min: 1, max: longest }),
    )
    .map(([odd, n, length]) => {
      const many = Array.from({ length: n }, (_, i) => [`${(i * 7919) % n}`.padEnd(length, '-'), i % 3] as const);
      return [...new Map([...odd, ...many].map((key) => [JSON.stringify(key), key])).values()];
    });
const keys = keysOf(120, 40);
/** Enough that a pane is in parts of the usual size. */
const manyKeys = keysOf(200, 900);
/** Bytes of a part: a row, up to most of a lane. */
const partBytes = fc.integer({ min: 50, max: 2000 });
const lanes = fc.integer({ min: 0, max: 6 }).map((power) => 2 ** power);
const query = fc.constantFrom(...laneQueries);

async function rowsByPages(windows: Table, of: Query, limit: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let after: Row['key'] | undefined; ; ) {
    const page = await readPaneRows(windows, of, hour, { after, limit });
    if (page === undefined) throw new Error('no pane');
    expect(page.rows.length).toBeLessThanOrEqual(limit);
    rows.push(...page.rows);
    after = page.rows.at(-1)?.key;
    if (page.isLast) return rows;
    expect(page.rows.length).toBe(limit);
  }
}

const rowOfKey = async (windows: Table, of: Query, key: Row['key']) => {
  const [pane] = await readPanes(windows, of, { from: 0, to: 1, order: 'ascending', key });
  if (pane !== undefined)
    expect([...partialsOf(of, pane).keys()]).toEqual(
      pane.rows.map(({ key: own }) => JSON.stringify([own['a'], own['b']])),
    );
  return pane?.rows;
};

describe('order texts', () => {
  it('are in the order of the keys, and are cut together where keys are long and alike', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }).chain((n) => {
          const fields = fc.array(fc.oneof({ weight: 9, arbitrary: value }, fc.constant(undefined)), {
            minLength: n,
            maxLength: n,
          });
          return fc.tuple(fields, fields);
        }),
        ([left, right]) => {
          const names = left.map((_, i) => String(i));
          const order = Math.sign(compareRows(names, rowOfFields(left), rowOfFields(right)));
          const [a, b] = [orderText(left), orderText(right)];
          const found = Math.sign(compareUtf8(a, b));
          const isCut = [...a].length === longestOrderText && a === b;
          if (!isCut) expect(found).toBe(order);
          expect(Math.max(Buffer.byteLength(a), Buffer.byteLength(b))).toBeLessThanOrEqual(4 * longestOrderText);
          if (!isCut && a !== b) expect(b.startsWith(a)).toBe(false);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a pane in lanes', () => {
  it('is read whole, and in pages of any size, in the order of its keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        query,
        keys,
        lanes,
        partBytes,
        fc.integer({ min: 1, max: 80 }),
        async (of, given, n, size, limit) => {
          const windows = memoryTable();
          const partials = partialsOfKeys(of, given);
          expect(await writeLaned(windows, of, partials, n, size)).toMatchObject({
            revision: 0,
            records: given.length,
          });
          const expected = sortedRows(of, partials);
          const pane = await readPane(windows, of, hour);
          expect(pane?.rows).toEqual(expected);
          expect(pane && new Map(partialsOf(of, pane))).toEqual(new Map(partials));
          expect(await rowsByPages(windows, of, limit)).toEqual(expected);
          // A place that no row is at, and one behind all rows.
          const after = { a: 'x'.repeat(205), b: 1.5 };
          const behind = expected.filter((row) => compareRows(of.groupBy, row, { key: after }) > 0);
          expect((await readPaneRows(windows, of, hour, { after, limit }))?.rows).toEqual(behind.slice(0, limit));
          expect((await readPaneRows(windows, of, hour, { after: {}, limit }))?.rows).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('gives the row of a key, of one part, and none of a key that it has not', async () => {
    await fc.assert(
      fc.asyncProperty(
        query,
        keys,
        lanes,
        partBytes,
        fc.array(fc.tuple(value, value), { maxLength: 20 }),
        async (of, given, n, size, others) => {
          const windows = memoryTable();
          const partials = partialsOfKeys(of, given);
          await writeLaned(windows, of, partials, n, size);
          const rows = new Map(
            sortedRows(of, partials).flatMap((row) =>
              isGroupRow(of, row) ? [[JSON.stringify([row.key['a'], row.key['b']]), row]] : [],
            ),
          );
          for (const [a, b] of [...given.slice(0, 60), ...others]) {
            const row = rows.get(JSON.stringify([a, b]));
            expect(await rowOfKey(windows, of, { a, b })).toEqual(row === undefined ? [] : [row]);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is an error where a part is missing, and never fewer rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        query,
        keys,
        lanes,
        partBytes,
        fc.nat(),
        fc.integer({ min: 1, max: 80 }),
        async (of, given, n, size, which, limit) => {
          const store = itemStore();
          const windows = memoryTable(store);
          const partials = partialsOfKeys(of, given);
          await writeLaned(windows, of, partials, n, size);
          const parts = [...store.all()].filter(({ pk }) => pk.endsWith('#parts'));
          const gone = parts[which % parts.length];
          if (gone === undefined) return;
          store.delete(gone);
          await expect(readPane(windows, of, hour)).rejects.toThrow(/are missing/);
          await expect(rowsByPages(windows, of, limit)).rejects.toThrow(/are missing/);
          for (const row of sortedRows(of, partials).filter((one) => isGroupRow(of, one))) {
            const found = await rowOfKey(windows, of, row.key).catch((error: Error) => error);
            if (found instanceof Error) expect(found.message).toMatch(/are missing/);
            else expect(found).toEqual([row]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is the same items, whoever writes it again, in one process or lane by lane', async () => {
    await fc.assert(
      fc.asyncProperty(query, manyKeys, lanes, async (of, given, n) => {
        const store = itemStore();
        const windows = memoryTable(store);
        const partials = partialsOfKeys(of, given);
        await writeLaned(windows, of, partials, n);
        const once = byName(store.all());
        const shuffled = new Map([...partials].reverse());
        // The manifest stands: this run finds that it is its epoch's.
        expect(await writeLaned(windows, of, shuffled, n)).toMatchObject({ revision: 0 });
        expect(byName(store.all())).toEqual(once);
        const other = itemStore();
        const draft = {
          status: 'final',
          epoch: 1,
          partials: shuffled,
          records: given.length,
          nowMs: 5,
          lanes: n,
        } as const;
        await writeOnlyPaneAt(memoryTable(other), of, hour, draft);
        const inOne = byName(other.all());
        const isInManifest = [...inOne.values()].some(
          ({ attributes }) => attributes['rows'] !== undefined && inOne.size === 1,
        );
        if (!isInManifest) expect(inOne).toEqual(once);
      }),
      { numRuns: 25 },
    );
  });

  it('leaves nothing of the panes before it where none are kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        query,
        fc.array(fc.tuple(manyKeys, lanes), { minLength: 2, maxLength: 4 }),
        async (of, panes) => {
          const store = itemStore();
          const windows = memoryTable(store);
          for (const [epoch, [given, n]] of panes.entries()) {
            const partials = partialsOfKeys(of, given);
            const draft = {
              status: 'early',
              epoch: epoch + 1,
              partials,
              records: given.length,
              nowMs: 5,
              lanes: n,
            } as const;
            expect(await writePaneAt(windows, of, hour, draft)).toMatchObject({ revision: epoch });
            const pane = await readPane(windows, of, hour);
            expect(pane?.rows).toEqual(sortedRows(of, partials));
            const parts = [...store.all()].filter(({ pk }) => pk.endsWith('#parts'));
            expect(parts.every(({ sk }) => sk.startsWith(`${epoch}#`))).toBe(true);
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

function byName(items: Iterable<Item>): ReadonlyMap<string, Item> {
  return new Map([...items].map((item) => [`${item.pk} ${item.sk}`, item]));
}
