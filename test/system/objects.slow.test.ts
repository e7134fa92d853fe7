import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fedObjects, lines, orders, sorted } from '../fixtures/fed-objects.ts';

const { stored, feed, inStream, dying, at } = await fedObjects();

describe('an object', () => {
  it.each(['by key', 'round the shards'] as const)(
    'whose function is killed, again and again, is in the stream once all the same, %s',
    async (keyed) => {
      const object = stored(gzipSync(lines.join('\r\n')));
      const pipeline = orders(keyed);
      // The first update takes the object. Each block that is put is noted by one more update.
      for (const updates of [1, 2, 1, 3])
        await expect(feed(object, { pipeline, state: dying(updates) })).rejects.toThrow('killed');
      const { outcome, events } = await feed(object, { pipeline });
      expect(outcome).toBe('done');
      expect(events).toBeLessThan(lines.length);
      expect(await inStream()).toEqual(sorted(lines));
    },
  );

  it('that is larger than an invocation has time for goes on in the next one', async () => {
    const object = stored(lines.join('\n'));
    let asked = 0;
    const short = { remainingMs: () => (asked++ < 2 ? 900_000 : 20_000) };
    const first = await feed(object, short);
    expect(first.outcome).toBe('paused');
    expect(first.lines).toBeGreaterThan(0);
    expect(first.lines).toBeLessThan(lines.length);
    const rest = await feed(object, { owner: 'message-2' });
    expect(rest).toEqual({ outcome: 'done', events: lines.length - first.events, lines: lines.length - first.lines });
    expect(await inStream()).toEqual(sorted(lines));
  });

  it('whose connection breaks is fed from there when it is tried again', async () => {
    const object = stored(lines.join('\n'), 'version-7');
    at().store.breakAfterBytes = 9_000_000;
    await expect(feed(object)).rejects.toThrow();
    at().store.breakAfterBytes = undefined;
    const { outcome, events } = await feed(object);
    expect(outcome).toBe('done');
    expect(events).toBeLessThan(lines.length);
    expect(await inStream()).toEqual(sorted(lines));
  });

  it('that is cut off in the middle of its gzip file fails, with what came before it in the stream', async () => {
    const whole = gzipSync(lines.join('\n'), { level: 1 });
    const object = stored(whole.subarray(0, whole.length - 100));
    await expect(feed(object)).rejects.toThrow('unexpected end of file');
    const found = await inStream();
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found).size).toBe(found.length);
  });
});
