import type { IncomingMessage } from 'node:http';

/** The body of a request or response is larger than allowed. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * All of a body, in memory of its own (it may be handed to a worker).
 * @throws BodyTooLarge beyond `mostBytes`
 */
export async function readBody(message: IncomingMessage, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new BodyTooLarge(`a body of more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  const body = new Uint8Array(new ArrayBuffer(bytes));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
