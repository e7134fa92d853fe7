import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { QuerySpec } from '../../functions/core/definition/pipeline.ts';
import { count, definePipeline, global, session, sliding, tumbling } from '../../functions/core/index.ts';
import { edgesPassed, leastEdgePassed } from '../../functions/core/log/due.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const nothingClosed = Number.NEGATIVE_INFINITY;

function pipelineOf(queries: Readonly<Record<string, QuerySpec<{ readonly time: number }>>>) {
  return definePipeline({
    name: 'due',
    event: z.object({ time: z.number() }),
    eventTime: (event) => event.time,
    watermark: { delay: 0 },
    queries,
  });
}
const aggregates = { count: count() };
const hourly = pipelineOf({ perHour: { window: tumbling('1 hour'), aggregates, allowedLateness: '10 minutes' } });

describe('an epoch is due', () => {
  it.each([
    ['at an end', hourMs - 1, hourMs, true],
    ['not before it', hourMs - 2, hourMs - 1, false],
    ['not once more, when all is closed through it', hourMs, hourMs + 1, false],
    ['at the closing of a window with lateness', hourMs, hourMs + 10 * minuteMs, true],
    ['not between an end and its closing', hourMs, hourMs + 10 * minuteMs - 1, false],
    ['after a long way', hourMs, 100 * hourMs, true],
    ['before 1970', -hourMs - 1, -hourMs, true],
    ['when nothing is closed yet', nothingClosed, 1, true],
    ['not while the watermark is held', nothingClosed, nothingClosed, false],
    ['not while the watermark stands still', hourMs, hourMs, false],
    ['not while the watermark is behind', 2 * hourMs, hourMs, false],
  ])('%s', (_, closedThrough, watermark, due) => {
    expect(edgesPassed(hourly, closedThrough, watermark)).toBe(due);
  });

  it('for the query whose edge comes first', () => {
    const two = pipelineOf({
      perHour: { window: tumbling('1 hour'), aggregates },
      perMinute: { window: tumbling('1 minute'), aggregates },
    });
    expect(leastEdgePassed(two, hourMs - 1, hourMs + 3 * minuteMs)).toBe(hourMs);
    expect(leastEdgePassed(two, hourMs, hourMs + 3 * minuteMs)).toBe(hourMs + 3 * minuteMs);
  });

  it('never for windows that nothing closes', () => {
    const endless = pipelineOf({ all: { window: global(), aggregates } });
    expect(edgesPassed(endless, nothingClosed, hourMs)).toBe(false);
  });

  it('where sessions may close, and not at their ends', () => {
    const window = session('1 minute', { resolution: '10 s' });
    const sessions = pipelineOf({ sessions: { window, aggregates, allowedLateness: '3 s' } });
    expect(edgesPassed(sessions, 19_999, 22_999)).toBe(false);
    expect(leastEdgePassed(sessions, 19_999, 23_000)).toBe(23_000);
  });

  it('for no window that begins before the query', () => {
    const from = '1970-01-01T01:00:00Z';
    const late = pipelineOf({ late: { window: sliding('1 hour', '15 minutes'), aggregates, from } });
    expect(edgesPassed(late, nothingClosed, 2 * hourMs - 1)).toBe(false);
    expect(leastEdgePassed(late, nothingClosed, 2 * hourMs)).toBe(2 * hourMs);
  });
});
