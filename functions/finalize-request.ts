import { mistake } from './core/error.ts';

/** What the finalize function is invoked with: a schedule's event, or a request by somebody who operates the pipeline. */
export interface FinalizeEvent {
  readonly request?: 'drain' | 'alias' | 'remove';
  /** For `alias` and `remove`: a query with its version, `actionsPerHour@2`. */
  readonly query?: string;
}

/** What an invocation asks for: a finalize run, or a change to what is kept of a query. */
export type FinalizeTask = { readonly task: 'advance' | 'drain' } | { readonly task: 'alias' | 'remove'; readonly query: string };

/**
 * What an invocation asks for. A schedule's event has no `request`, and by hand there may be no event at all.
 * @throws TidemarkError for a request that is not known: it would be answered with something else, in silence
 */
export function finalizeRequest(event: unknown): FinalizeTask {
  if (event === null || event === undefined) return { task: 'advance' };
  if (typeof event !== 'object' || Array.isArray(event)) throw mistake('event', event, 'is not an object: give {} or {"request":"drain"}');
  const { request, query }: { readonly request?: unknown; readonly query?: unknown } = event;
  if (request === undefined) return { task: 'advance' };
  if (request === 'drain') return { task: 'drain' };
  if (request !== 'alias' && request !== 'remove')
    throw mistake(
      'request',
      request,
      'is not known: give "drain" to end the stream, "alias" or "remove" with a query, or none to raise the watermark',
    );
  if (typeof query !== 'string') throw mistake('query', query, 'is no name of a query: give one with its version, such as "actionsPerHour@2"');
  return { task: request, query };
}
