import type { IncomingMessage } from 'node:http';

/** The body of a request or response is larger than allowed. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * A body that is too large is read and forgotten up to this multiple of the limit. A client that is still sending reads
 * no answer.
 */
const mostTimesLimit = 16;

/**
 * Reads all of a body, into memory of its own (it may be handed to a worker).
 * @throws BodyTooLarge beyond `mostBytes`, after the end of the body, so that the connection can go on; far beyond it,
 * at once
 */
export async function readBody(message: IncomingMessage, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > mostTimesLimit * mostBytes) break;
  }
  if (bytes > mostBytes) throw new BodyTooLarge(`a body of more than ${mostBytes} bytes`);
  const body = new Uint8Array(new ArrayBuffer(bytes));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
