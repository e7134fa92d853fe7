import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { inputChunks } from '../../cli/input/input-chunks.ts';
import { inputFile } from '../../cli/input/input-file.ts';
import { parseEvent } from '../../functions/core/events/event-json.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-parquet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The events of a file. */
async function eventsOf(file: string): Promise<readonly unknown[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of inputChunks(inputFile(file))) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().split('\n');
  return lines.filter((line) => line !== '').map(parseEvent);
}

async function written(name: string, select: string): Promise<string> {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`COPY (${select}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet)`);
  return file;
}

/** The only value of a file whose one column is an expression of SQL. */
async function value(sql: string): Promise<unknown> {
  const [event] = await eventsOf(await written('value.parquet', `SELECT ${sql} AS v`));
  return Reflect.get(Object(event), 'v');
}

describe('a value of Parquet', () => {
  it.each([
    ['9007199254740991::BIGINT', 9_007_199_254_740_991],
    ['9007199254740993::BIGINT', '9007199254740993'],
    ['(-9007199254740993)::BIGINT', '-9007199254740993'],
    ['18446744073709551615::UBIGINT', '18446744073709551615'],
    ['12.50::DECIMAL(10,2)', 12.5],
    ['90071992547409.93::DECIMAL(18,2)', '90071992547409.93'],
    ['1.234567890123456789::DECIMAL(38,18)', '1.234567890123456789'],
    ['12345678901234567890123456789012345678::DECIMAL(38,0)', '12345678901234567890123456789012345678'],
    ['0.1::DOUBLE', 0.1],
    ['1e18::DOUBLE', 1e18],
    ['1e300::DOUBLE', 1e300],
    ["'nan'::DOUBLE", Number.NaN],
    ["'-inf'::DOUBLE", Number.NEGATIVE_INFINITY],
    ["'inf'::FLOAT", Number.POSITIVE_INFINITY],
    ["['nan'::DOUBLE, NULL, 1.5]", [Number.NaN, null, 1.5]],
    ['[9007199254740993, NULL]', ['9007199254740993', null]],
    ['[]::BIGINT[]', []],
    ['[]::TIMESTAMP[]', []],
    ['NULL::TIMESTAMP[]', null],
    ['NULL::STRUCT(a TIMESTAMP)', null],
    ["TIMESTAMP '2026-01-01 00:00:00'", '2026-01-01T00:00:00.000Z'],
    ["TIMESTAMP '1969-12-31 23:59:59.123456'", '1969-12-31T23:59:59.123456Z'],
    ["TIMESTAMPTZ '2026-01-01 02:00:00+02'", '2026-01-01T00:00:00.000Z'],
    ["TIMESTAMP_NS '2026-01-01 00:00:00.000000001'", '2026-01-01T00:00:00.000000001Z'],
    ["[TIMESTAMP '2026-01-01 00:00:00', NULL]", ['2026-01-01T00:00:00.000Z', null]],
    ["[[TIMESTAMPTZ '2026-01-01 02:00:00+02']]", [['2026-01-01T00:00:00.000Z']]],
    [
      "{'at': TIMESTAMP '2026-01-01 00:00:00', 'in': {'x''y': [1.5::DOUBLE, 'inf'::DOUBLE]}, 'no': NULL::INT}",
      { at: '2026-01-01T00:00:00.000Z', in: { "x'y": [1.5, Number.POSITIVE_INFINITY] }, no: null },
    ],
    ["MAP {'a': TIMESTAMP '2026-01-01 00:00:00'}", { a: '2026-01-01T00:00:00.000Z' }],
    ["MAP {'a': [{'b': 1, 'c': {'d': [1.5::DOUBLE]}}]}", { a: [{ b: 1, c: { d: [1.5] } }] }],
    ["[{'one': {'a': 'nan'::DOUBLE, 'b': NULL::TIMESTAMP}}]", [{ one: { a: Number.NaN, b: null } }]],
    ["MAP {TIMESTAMP '2026-01-01 00:00:00': 1}", { '2026-01-01T00:00:00.000Z': 1 }],
    ["DATE '2026-01-01'", '2026-01-01'],
    ["TIME '12:00:01'", '12:00:01'],
    ["'6b1c1e2e-0000-4000-8000-000000000001'::UUID", '6b1c1e2e-0000-4000-8000-000000000001'],
    ["'\\xAA\\x00abc'::BLOB", '\\xAA\\x00abc'],
    ["'a\"b\\c'", 'a"b\\c'],
    ['true', true],
    ['NULL::DOUBLE', null],
  ])('%s is %j', async (sql, expected) => {
    expect(await value(sql)).toStrictEqual(expected);
  });
});

describe('a column of Parquet', () => {
  const columnData = [
    { name: 'user', data: ['a'], type: 'STRING' },
    { name: 'User', data: ['b'], type: 'STRING' },
    { name: 'user_1', data: ['c'], type: 'STRING' },
    { name: '', data: ['d'], type: 'STRING' },
    { name: '"\'\\', data: ['e'], type: 'STRING' },
    { name: '__proto__', data: ['f'], type: 'STRING' },
  ] as const;

  function fileOf(name: string, columns: Parameters<typeof parquetWriteBuffer>[0]['columnData']): string {
    const file = path.join(folder, name);
    writeFileSync(file, Buffer.from(parquetWriteBuffer({ columnData: columns })));
    return file;
  }

  it('has the name that the file gives it, whatever others differ by case, and none', async () => {
    const [event] = await eventsOf(
      fileOf(
        'names.parquet',
        columnData.map((column) => ({ ...column, data: [...column.data] })),
      ),
    );
    expect(Object.entries(Object(event))).toEqual(columnData.map(({ name, data: [only] }) => [name, only]));
  });

  it('comes after nested ones under its own name', async () => {
    const file = await written('nested.parquet', "SELECT {'a': {'b': 1}, 'c': [{'d': 2}]} AS first, 3 AS second");
    expect(await eventsOf(file)).toEqual([{ first: { a: { b: 1 }, c: [{ d: 2 }] }, second: 3 }]);
  });

  it('has fields with the names that the file gives them, in a struct too', async () => {
    const file = path.join(folder, 'fields.parquet');
    const field = { type: 'INT32', repetition_type: 'OPTIONAL' } as const;
    const schema = [
      { name: 'root', num_children: 2 },
      { name: 's', repetition_type: 'OPTIONAL', num_children: 3 },
      { name: 'a', ...field },
      { name: 'A', ...field },
      { name: '', ...field },
      { name: 'S', ...field },
    ] as const;
    const columnData = [
      { name: 's', data: [{ a: 1, A: 2, '': 3 }] },
      { name: 'S', data: [4] },
    ];
    writeFileSync(file, Buffer.from(parquetWriteBuffer({ schema: [...schema], columnData })));
    expect(await eventsOf(file)).toEqual([{ s: { a: 1, A: 2, '': 3 }, S: 4 }]);
  });

  it('is refused when another has its name, and the message says which', async () => {
    const twice = fileOf('twice.parquet', [
      { name: 'user', data: ['a'], type: 'STRING' },
      { name: 'user', data: ['b'], type: 'STRING' },
    ]);
    await expect(eventsOf(twice)).rejects.toThrow(/twice\.parquet: .*"user"/);
  });
});

describe('a path of Parquet', () => {
  it('is one file, and its folders are no columns', async () => {
    await written('data1.parquet', "SELECT 'wrong' AS k");
    for (const name of [
      'k=zzz/v=100/f.parquet',
      'data[1].parquet',
      'data?.parquet',
      '*.parquet',
      '{a,b}.parquet',
      "it's.parquet",
      'a\\b.parquet',
    ])
      expect([name, await eventsOf(await written(name, "SELECT 'right' AS k"))]).toEqual([name, [{ k: 'right' }]]);
  });

  it('is not a pattern where a file of its name is not there', async () => {
    await written('one.parquet', "SELECT 'wrong' AS k");
    expect(() => inputFile(path.join(folder, 'o*.parquet'))).toThrow(/ENOENT/);
  });
});
