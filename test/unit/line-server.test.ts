import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listenForLines } from '../../cli/put/line-server.ts';
import { opening } from '../../cli/put/opening.ts';
import { wholeLines } from '../../cli/put/whole-lines.ts';

async function joined(chunks: readonly string[]): Promise<{ readonly text: string; readonly half: readonly number[] }> {
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const half: number[] = [];
  let text = '';
  for await (const chunk of wholeLines(source(), (bytes) => half.push(bytes))) text += chunk.toString('latin1');
  return { text, half };
}

describe('whole lines', () => {
  it('hold a last event without an end also when a byte order mark stands before it', async () => {
    const { text, half } = await joined(['\ufeff{"time":1}']);
    expect([Buffer.from(text, 'latin1').toString(), half]).toEqual(['\ufeff{"time":1}', []]);
  });

  it('are all that was sent up to the last line end, however it was cut, and a last event without one if it is whole', async () => {
    const last = '{"time":1,"action":"Open"}';
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: last.length }),
        fc.array(fc.integer({ min: 0, max: 12 })),
        async (sent, sizes) => {
          const text = `a\n\nbcd\r\n${last.slice(0, sent)}`;
          const chunks: string[] = [];
          let at = 0;
          for (const size of [...sizes, text.length]) {
            chunks.push(text.slice(at, at + size));
            at += size;
          }
          const isWhole = sent === last.length;
          expect(await joined(chunks)).toEqual({
            text: isWhole ? text : 'a\n\nbcd\r\n',
            half: isWhole || sent === 0 ? [] : [sent],
          });
        },
      ),
    );
  });

  it('that are longer than a line may be are passed on and not held', async () => {
    const long = 'x'.repeat(700_000);
    expect(await joined([`a\n${long}`, long, long, '{}'])).toEqual({ text: `a\n${long}${long}${long}{}`, half: [] });
    expect(await joined([long, long, `\n{"a":`])).toEqual({ text: `${long}${long}\n`, half: [5] });
  });
});

describe('a server of lines', () => {
  it('reads a client on only when what it sent before was taken', async () => {
    const end = new AbortController();
    const server = await listenForLines({
      host: '127.0.0.1',
      port: 0,
      acknowledge: 'nothing',
      signal: end.signal,
      onHalfLine: () => undefined,
      onForeign: () => undefined,
    });
    const client = connect(Number(server.address.split(':')[1]), '127.0.0.1');
    await once(client, 'connect');
    const line = `${'x'.repeat(999)}\n`;
    client.end(line.repeat(16_000));
    let lines = 0;
    let mostAtOnce = 0;
    while (lines < 16_000) {
      const batch = (await server.take()) ?? [];
      expect(batch).toHaveLength(1);
      for (const one of batch) {
        lines += one.lines.length;
        mostAtOnce = Math.max(mostAtOnce, one.lines.length);
        // text that the client still holds is not read, however long nobody takes it
        if (lines < 1000) expect(client.writableLength).toBeGreaterThan(0);
        one.done([]);
      }
    }
    expect(mostAtOnce).toBeLessThan(1000);
    end.abort();
    expect(await server.take()).toBeUndefined();
    await server.close();
  });

  it.each([
    ['HTTP', 'POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{"time":1,"action":"Open"}\n'],
    ['HTTP', 'OPTIONS * HTTP/1.1\r\n\r\n'],
    ['HTTP', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`],
    ['HTTP', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\n{"time":1}\n'],
  ])('takes nothing of a client that speaks %s, however it is cut', async (protocol, sent) => {
    for (const pieces of [[sent], [...sent.slice(0, 40), sent.slice(40)]]) {
      const { opened, lines } = await opens(pieces);
      expect([opened, lines]).toEqual([protocol, '']);
    }
  });

  it.each([
    '{"a":1}\n',
    'GET\n',
    'GET / HTTP\n',
    'get / HTTP/1.1\n',
    ' GET / HTTP/1.1\n',
    'ABC',
    '',
    'HTTP/1.1 200\n',
    '[1]\n',
  ])('takes lines that only resemble it: %j', async (sent) => {
    expect(await opens([...sent])).toEqual({ opened: 'lines', lines: sent });
  });
});

async function opens(pieces: readonly string[]): Promise<{ readonly opened: string; readonly lines: string }> {
  async function* source() {
    for (const piece of pieces) yield Buffer.from(piece, 'latin1');
  }
  const opened = await opening(source());
  let lines = '';
  if (opened.kind === 'lines') for await (const chunk of opened.chunks) lines += chunk.toString('latin1');
  return { opened: opened.kind === 'foreign' ? opened.protocol : 'lines', lines };
}
