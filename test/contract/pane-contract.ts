import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGroupRow, sortedRows } from '../../functions/core/fold/window-result.ts';
import type { Row } from '../../functions/core/results/row.ts';
import { readPane, readPaneRows, readPanes } from '../../functions/state/windows/pane-reader.ts';
import { hour, laneQueries, partialsOfKeys, writeLaned } from '../fixtures/panes/laned-pane.ts';
import type { TableUnderTest } from './table-contract.ts';

/** Characters at the edges of what order texts tell apart, and text that they cut. */
const ends = ['', '\u0000', ' ', '!', '"', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10fffe}', '\u{10ffff}'];
const numbers = [-1e300, -1.5, 0, 5e-324];
const keys = [
  ...ends.flatMap((end) => numbers.map((number) => [`a${end}`, number] as const)),
  ...ends.map((end) => [`${'x'.repeat(205)}${end}`, 1] as const),
  ...[null, true, false].map((value) => [value, 1] as const),
  ...Array.from({ length: 60 }, (_, i) => [`user-${(i * 7919) % 60}`, i % 3] as const),
];

/**
 * Tests that a table keeps the parts of a pane in the order of their keys, as the table port's implementations do: in
 * memory by a comparison of our own, elsewhere by the bytes of the sort keys.
 */
export function paneContract(name: string, makeTable: () => Promise<TableUnderTest>): void {
  describe(`panes by lane: ${name}`, () => {
    let under: TableUnderTest;
    beforeAll(async () => {
      under = await makeTable();
    });
    afterAll(() => under.close());

    it.each(laneQueries.map((query) => [query.name, query] as const))(
      'gives pages and rows of %s in the order of their keys',
      async (_name, query) => {
        const { table } = under;
        const partials = partialsOfKeys(query, keys);
        const expected = sortedRows(query, partials);
        await writeLaned(table, query, partials, 4, 600);
        expect((await readPane(table, query, hour))?.rows).toEqual(expected);
        const rows: Row[] = [];
        for (let isLast = false; !isLast; ) {
          const page = await readPaneRows(table, query, hour, { after: rows.at(-1)?.key, limit: 50 });
          if (page === undefined) throw new Error('no pane');
          rows.push(...page.rows);
          ({ isLast } = page);
        }
        expect(rows).toEqual(expected);
        for (const row of expected.filter((one) => isGroupRow(query, one))) {
          const [pane] = await readPanes(table, query, { from: 0, to: 1, order: 'ascending', key: row.key });
          expect(pane?.rows).toEqual([row]);
        }
        const [none] = await readPanes(table, query, { from: 0, to: 1, order: 'ascending', key: { a: 'user', b: 1 } });
        expect(none?.rows).toEqual([]);
      },
    );
  });
}
