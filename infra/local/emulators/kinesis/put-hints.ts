import type { IncomingMessage, ServerResponse } from 'node:http';

/** The path at Kinesis's port that streams {@link PutHint}s as lines of JSON. */
export const putHintsPath = '/_tidemark/puts';

/**
 * News of a stream: the shards that received records (possibly repeated), or the fact that the shards themselves
 * changed.
 */
export type PutHint = { readonly shards: readonly string[] } | { readonly resharded: true };

/**
 * Tells subscribers at once that there is something to read, so that no reader has to poll quickly. A hint may be lost:
 * readers still poll, slowly.
 */
export interface PutHints {
  subscribe(request: IncomingMessage, response: ServerResponse): 'answered' | 'passed';
  publish(hint: PutHint): void;
}

/** The hints of one emulated Kinesis. */
export function createPutHints(): PutHints {
  const subscribers = new Set<ServerResponse>();
  return {
    subscribe(request, response) {
      if (request.url !== putHintsPath) return 'passed';
      subscribers.add(response);
      response.on('close', () => subscribers.delete(response));
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.flushHeaders();
      return 'answered';
    },
    publish(hint) {
      for (const subscriber of subscribers) subscriber.write(`${JSON.stringify(hint)}\n`);
    },
  };
}
