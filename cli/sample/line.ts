/** One event and when the feed shows it, both in epoch seconds. */
export interface Arrival {
  readonly time: number;
  readonly action: 'Open' | 'Close';
  readonly arrival: number;
}

/** A line of a file: an event, or the bytes of something that is not one. */
export type Line = Arrival | { readonly bytes: Buffer };
