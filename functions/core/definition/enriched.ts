/** What a key is: equal when JSON writes them alike, so 1 is not `'1'`. */
export type LookupKey = string | number | boolean;

/** What an event gets: the fields of a row, or why it gets none. */
export type Enriched =
  | { readonly outcome: 'enriched'; readonly event: unknown }
  | { readonly outcome: 'filtered' }
  | { readonly outcome: 'unknown'; readonly detail: string };
