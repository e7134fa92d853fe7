/** The key of a lookup. Keys are equal when JSON writes them alike, so 1 is not `'1'`. */
export type LookupKey = string | number | boolean;

/** The outcome of a lookup for one event: the fields of a row, or why it gets none. */
export type Enriched =
  | { readonly outcome: 'enriched'; readonly event: unknown }
  | { readonly outcome: 'filtered' }
  | { readonly outcome: 'unknown'; readonly detail: string };
