import { mistake } from './core/error.ts';

/** What the finalize function is invoked with: a schedule's event, or `{"request": "drain"}` by whoever knows that the stream has ended. */
export interface FinalizeEvent {
  readonly request?: 'drain';
}

/**
 * What an invocation asks for. A schedule's event has no `request`, and by hand there may be no event at all.
 * @throws TidemarkError for a request that is not known: it would be answered with something else, in silence
 */
export function finalizeRequest(event: unknown): 'advance' | 'drain' {
  if (event === null || event === undefined) return 'advance';
  if (typeof event !== 'object' || Array.isArray(event)) throw mistake('event', event, 'is not an object: give {} or {"request":"drain"}');
  const { request }: { readonly request?: unknown } = event;
  if (request === undefined) return 'advance';
  if (request !== 'drain') throw mistake('request', request, 'is not known: give "drain" to end the stream, or none to raise the watermark');
  return 'drain';
}
