/** How a connection begins: with lines, or with another protocol. */
export type Opening =
  | { readonly kind: 'lines'; readonly chunks: AsyncGenerator<Buffer> }
  | { readonly kind: 'foreign'; readonly protocol: 'HTTP' | 'TLS' };

/** A request line, or so much of one that nothing else begins so. */
const requestLine = /^[A-Z]{3,20} [^\r\n]* HTTP\/\d/;
const maybeRequestLine = /^[A-Z]{0,20}(?:(?<=[A-Z]{3}) [^\r\n]*)?$/;
/** A longer first line is no request line that a browser sends. */
const mostRequestLineBytes = 64 * 1024;
const tlsHandshake = 0x16;

/**
 * Looks at the first line of a connection. Any web page can post to any port of this machine, and of such a request
 * each line would be taken for an event: so a connection that begins as HTTP does is not one of lines. No event of JSON
 * begins so.
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
