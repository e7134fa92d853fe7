/** A group-by field: a field of events, or a function of the event. */
export interface CaseKey {
  /** As a function of TypeScript. Undefined: the event's field of this name. */
  readonly js?: string;
  readonly sql: string;
  /** Whether the value in SQL is the JSON text of the key. */
  readonly isJson?: true;
}

export const groupKeys: Readonly<Record<string, CaseKey>> = {
  k: { sql: 'k' },
  g: { sql: 'g_json', isJson: true },
  b: { sql: 'b' },
  i: { sql: 'i' },
  third: { js: 'e.i == null ? null : ((e.i % 3) + 3) % 3', sql: '((i % 3) + 3) % 3' },
  sign: {
    js: "e.x == null ? null : e.x < 0 ? 'below' : 'above'",
    sql: "CASE WHEN x < 0 THEN 'below' WHEN x >= 0 THEN 'above' END",
  },
  half: { js: 'e.x == null ? null : Math.floor(e.x / 4096) / 2', sql: 'floor(x / 4096) / 2' },
};
