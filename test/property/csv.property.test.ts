import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { csvLines } from '../../cli/input/csv-lines.ts';
import { literal, openDatabase } from '../../cli/results/duckdb.ts';
import { csvRow, type FormulaForm } from '../../functions/api/csv.ts';

type Cell = string | number | boolean | null;

/** Text that readers of CSV take for something else, besides any text. */
const text = fc.oneof(
  fc.constantFrom('', ' ', 'null', 'NULL', 'true', 'False', '0', '-1', '007', '1e5', '12.5', '"', '""', "'", ',', '\\'),
  fc.constantFrom(
    'a,b',
    'a"b',
    ' x',
    'x ',
    'a\nb',
    'a\rb',
    'a\r\nb',
    '\t',
    '=1+1',
    '+49',
    '-x',
    '@x',
    '9007199254740993',
  ),
  fc.string({ unit: 'grapheme' }),
);
const cell: fc.Arbitrary<Cell> = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
  fc.constantFrom(2 ** 53, -(2 ** 60), 1e20, 1e21, 5e-324, Number.MAX_VALUE),
  fc.boolean(),
  fc.constant(null),
);
const names = ['a', 'b', 'c'];
const rowsOf = (of: fc.Arbitrary<Cell>) =>
  // The first cell is never empty: an empty line is not a row.
  fc.array(fc.tuple(fc.integer(), of, of), { minLength: 1, maxLength: 12 });
const written = (rows: readonly (readonly Cell[])[], formulas: FormulaForm) =>
  [names, ...rows].map((row) => csvRow(row, formulas)).join('');

async function readBack(csv: string): Promise<readonly (readonly Cell[])[]> {
  async function* chunks() {
    yield Buffer.from(csv);
  }
  let lines = '';
  for await (const chunk of csvLines(chunks(), { cells: 'typed', encoding: 'utf8' })) lines += chunk.toString();
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Object.values(JSON.parse(line) as Record<string, Cell>));
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-csv-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('CSV that is written here', () => {
  it('reads back as it was written, in our own reader, null apart from the empty text', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf(cell), async (rows) => {
        expect(await readBack(written(rows, 'raw'))).toStrictEqual(rows);
      }),
    );
  });

  it('reads back as it was written in DuckDB, which is told that null is not quoted', async () => {
    const database = await openDatabase({ use: 'this test', instead: '' });
    const file = join(folder, 'rows.csv');
    try {
      await fc.assert(
        fc.asyncProperty(rowsOf(fc.oneof(text, fc.constant(null))), async (rows) => {
          writeFileSync(file, written(rows, 'raw'));
          const answer = await database.connection.runAndReadAll(
            `select * from read_csv(${literal(file)}, header = true, all_varchar = true, delim = ',', quote = '"',
             escape = '"', new_line = '\\r\\n', allow_quoted_nulls = false)`,
          );
          expect(answer.getRowsJson()).toStrictEqual(rows.map(([first, ...others]) => [String(first), ...others]));
        }),
        { numRuns: 40 },
      );
    } finally {
      await database.close();
    }
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+49 30', "'+49 30"],
    ['-x', "'-x"],
    ['-1+cmd', "'-1+cmd"],
    ['@sum', "'@sum"],
    ['\tx', "'\tx"],
    ['\rx', '"\'\rx"'],
    ['=a,"b"', '"\'=a,""b"""'],
    ['\uFF1D1', "'\uFF1D1"],
  ])('defuses the formula %j, and leaves it where it is asked for raw', (given, expected) => {
    expect(csvRow([given], 'defused')).toBe(`${expected}\r\n`);
    expect(csvRow([given], 'raw')).not.toContain("'");
  });

  it('never makes one text of two: what looks defused is defused again', () => {
    const cells = ['=x', "'=x", "''=x", "'x", 'x'].map((cell) => csvRow([cell], 'defused'));
    expect(cells).toEqual(["'=x\r\n", "''=x\r\n", "'''=x\r\n", "'x\r\n", 'x\r\n']);
  });

  it('leaves numbers as they are, in text too', () => {
    const cells = [-5, -0.5, '-9007199254740993', '-Infinity', '-1e-7', 'a=b', null, ''];
    expect(csvRow(cells, 'defused')).toBe('-5,-0.5,"-9007199254740993",-Infinity,"-1e-7",a=b,,""\r\n');
  });
});
