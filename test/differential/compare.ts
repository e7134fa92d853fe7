import { isDeepStrictEqual } from 'node:util';
import { aggregates } from './aggregates.ts';
import type { Answer, ResultRow } from './answer.ts';
import type { CaseQuery, DifferentialCase } from './case.ts';

/** The differences of an answer from DuckDB's, a line each. */
export function differences(given: DifferentialCase, expected: Answer, actual: Answer): readonly string[] {
  const found: string[] = [];
  for (const name of Object.keys(expected.counters) as (keyof Answer['counters'])[])
    if (expected.counters[name] !== actual.counters[name])
      found.push(`${name}: DuckDB counts ${expected.counters[name]}, Tidemark ${actual.counters[name]}`);
  for (const { name } of given.queries)
    if (!isDeepStrictEqual(inOrder(expected.pairs[name]), inOrder(actual.pairs[name])))
      found.push(
        `${name}: DuckDB ${JSON.stringify(expected.pairs[name])}, Tidemark ${JSON.stringify(actual.pairs[name])}`,
      );
  const own = byPlace(actual.rows);
  if (own.size !== actual.rows.length) found.push('Tidemark has a row twice');
  for (const [place, row] of byPlace(expected.rows)) {
    const other = own.get(place);
    own.delete(place);
    const query = given.queries.find(({ name }) => name === row.query);
    if (other === undefined) found.push(`${place}: only DuckDB has it`);
    else if (query !== undefined) found.push(...differencesOfRow(query, place, row, other));
  }
  for (const place of own.keys()) found.push(`${place}: only Tidemark has it`);
  return found;
}

function inOrder(counts: Answer['pairs'][string] | undefined): unknown {
  return [counts?.counted, counts?.late, counts?.filtered];
}

function byPlace(rows: readonly ResultRow[]): Map<string, ResultRow> {
  return new Map(
    rows.map((row) => {
      const key = Object.entries(row.key).sort(([left], [right]) => (left < right ? -1 : 1));
      return [
        `${row.query} [${row.start}, ${row.end}) ${row.grouping} ${JSON.stringify(Object.fromEntries(key))}`,
        row,
      ];
    }),
  );
}

function differencesOfRow(query: CaseQuery, place: string, expected: ResultRow, actual: ResultRow): readonly string[] {
  return query.aggregates.flatMap((one, i) => {
    const [theirs = null, ours = null] = [expected.values[`a${i}`], actual.values[`a${i}`]];
    if (aggregates[one.kind]?.agrees(theirs, ours, one)) return [];
    return [
      `${place} ${aggregates[one.kind]?.js(one)}: DuckDB ${JSON.stringify(theirs)}, Tidemark ${JSON.stringify(ours)}`,
    ];
  });
}
