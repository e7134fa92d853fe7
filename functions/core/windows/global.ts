import { eventTimeBounds } from '../events/event-time.ts';
import type { WindowKind } from './window.ts';

/**
 * One window over all of time: a running total. It is never final. It is read live, or by early panes (`emit`). `batch`
 * and `stream` end with it as it is then, with the status `open`. Its state, with every key that ever was, stays for as
 * long as the tables do.
 * @example
 * global();
 */
export function global(): WindowKind {
  const start = eventTimeBounds.earliest;
  const end = eventTimeBounds.latest + 1;
  return {
    label: 'global',
    refuses: {
      emptyWindows: 'says nothing about global windows, of which there is one: leave it out',
      backfill: 'has global windows, which have no history that ends: make it anew from the stream',
    },
    sliceMs: end - start,
    isEndless: true,
    sliceOf: () => start,
    closings: () => [end],
    emit: (closing) => (closing === end ? [{ start, end, slices: [start] }] : []),
  };
}
