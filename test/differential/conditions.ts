/** A condition on an event: as a function of TypeScript, and in SQL. */
export interface Condition {
  readonly js: string;
  /** True, or false or NULL. */
  readonly sql: string;
}

export const conditions: Readonly<Record<string, Condition>> = {
  'i is positive': { js: 'e.i != null && e.i > 0', sql: 'i > 0' },
  'i is not positive': { js: '!(e.i != null && e.i > 0)', sql: '(i > 0) IS NOT TRUE' },
  'k is a': { js: "e.k === 'a'", sql: "k = 'a'" },
  'k is there': { js: 'e.k != null', sql: 'k IS NOT NULL' },
  'b holds': { js: 'e.b === true', sql: 'b' },
  'x is at least f': { js: 'e.x != null && e.f != null && e.x >= e.f', sql: 'x >= f' },
  'k is a or b holds': { js: "e.k === 'a' || e.b === true", sql: "k = 'a' OR b" },
  'd is there, and i is odd': {
    js: 'e.d != null && e.i != null && Math.abs(e.i % 2) === 1',
    sql: 'd IS NOT NULL AND abs(i % 2) = 1',
  },
  'nothing holds': { js: 'false', sql: 'false' },
};
