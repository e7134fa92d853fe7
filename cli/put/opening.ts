/** The beginning of a connection: lines, or another protocol. */
export type Opening =
  | { readonly kind: 'lines'; readonly chunks: AsyncGenerator<Buffer> }
  | { readonly kind: 'foreign'; readonly protocol: 'HTTP' | 'TLS' };

/** A request line, or so much of one that nothing else begins in this way. */
const requestLine = /^[A-Z]{3,20} [^\r\n]* HTTP\/\d/;
const maybeRequestLine = /^[A-Z]{0,20}(?:(?<=[A-Z]{3}) [^\r\n]*)?$/;
/** The longest first line that is looked at: a longer one is not a request line that a browser sends. */
const mostRequestLineBytes = 64 * 1024;
const tlsHandshake = 0x16;

/**
 * Looks at the first line of a connection. Any web page can post to any port of this machine, and each line of such a
 * request would be taken for an event. So a connection that begins as HTTP does is not one of lines. No event of JSON
 * begins in this way.
 */
export async function opening(chunks: AsyncIterable<Buffer>): Promise<Opening> {
  const iterator = chunks[Symbol.asyncIterator]();
  let begin = Buffer.alloc(0);
  for (;;) {
    const { done, value } = await iterator.next();
    if (done !== true) begin = Buffer.concat([begin, value]);
    if (begin[0] === tlsHandshake) return { kind: 'foreign', protocol: 'TLS' };
    const text = begin.toString('latin1');
    if (requestLine.test(text)) return { kind: 'foreign', protocol: 'HTTP' };
    if (done === true || begin.length > mostRequestLineBytes || !maybeRequestLine.test(text)) break;
  }
  async function* whole(): AsyncGenerator<Buffer> {
    try {
      if (begin.length > 0) yield begin;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { kind: 'lines', chunks: whole() };
}
