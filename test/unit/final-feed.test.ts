import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import { count, definePipeline, session, tumbling } from '../../functions/core/index.ts';
import { epochBounds } from '../../functions/state/epochs/bounds.ts';
import type { FeedPlace } from '../../functions/state/epochs/feed-place.ts';
import { readFinals } from '../../functions/state/epochs/window-feed.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { type LogEvent, type LogWorld, logWorld } from '../property/log-world.ts';

const everything = { from: -1e12, to: 1e12 } as const;
const bounds = { ...epochBounds, windowsAtATime: 2, mostKeys: 2 };

/** A schema that accepts everything as an event. */
const schema: StandardSchemaV1<unknown, LogEvent> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as LogEvent }) },
};

type Kind = 'holding' | 'empty' | 'sessions';

function pipelineOf(kind: Kind): Pipeline {
  const aggregates = { n: count() };
  const window = kind === 'sessions' ? session({ ms: 5 }, { resolution: { ms: 1 } }) : tumbling({ ms: 10 });
  return definePipeline({
    name: 'feed',
    event: schema,
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '36500 days' },
    queries: {
      q: {
        window,
        groupBy: kind === 'sessions' ? ['user'] : [],
        aggregates,
        ...(kind === 'empty' ? { emptyWindows: true } : {}),
      },
    },
  });
}

const eventsAt = (...times: readonly number[]): readonly LogEvent[] =>
  times.map((time) => ({ time, user: `${time % 3}`, amount: 1 }));

class Broken extends Error {}

async function finalizeUpTo(world: LogWorld, breakAt: number): Promise<boolean> {
  try {
    await world.finalize('drain', async (call) => {
      if (call === breakAt) throw new Broken('the run is cut off');
    });
    return false;
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return true;
  }
}

async function readAll(world: LogWorld, query: Query, limit: number): Promise<readonly string[]> {
  const got: string[] = [];
  let place: FeedPlace | undefined;
  for (;;) {
    const { views, placeAfter } = await readFinals(world.tables, query, { ...everything, limit }, place, world.now());
    if (views.length === 0) return got;
    got.push(...views.map(({ start, end }) => `${start}/${end}`));
    place = placeAfter(views.length);
  }
}

/** Times in eight windows, in one epoch; with a gap that takes several stretches of empty windows. */
const courses: Readonly<Record<Kind, readonly number[]>> = {
  holding: [1, 11, 21, 22, 31, 41, 51, 61, 71],
  empty: [1, 11, 6_000, 6_011],
  sessions: [1, 2, 11, 12, 21, 31, 32, 33, 34, 41, 60],
};

describe('a feed of final windows', () => {
  for (const kind of ['holding', 'empty', 'sessions'] as const)
    it(`has all windows of an epoch whose emission was cut off at any call: ${kind}`, {
      timeout: 120_000,
    }, async () => {
      const pipeline = pipelineOf(kind);
      const [query] = pipeline.queries;
      if (query === undefined) throw new Error('no query');
      let isCut = true;
      // Of the many calls of a gap some are enough.
      for (let breakAt = 0; isCut; breakAt += kind === 'empty' ? 97 : 1) {
        const world = logWorld(pipeline, 1, bounds);
        await world.add(0, eventsAt(...courses[kind]));
        isCut = await finalizeUpTo(world, breakAt);
        await world.finalize('drain');
        await world.finalize('drain');
        const finals = await readWindows(world.tables, query, {
          ...everything,
          status: 'final',
          order: 'ascending',
          limit: 100_000,
        });
        const got = await readAll(world, query, 100);
        expect([...got].sort(), `cut off at call ${breakAt}`).toEqual(
          finals.map(({ start, end }) => `${start}/${end}`).sort(),
        );
        if (kind !== 'sessions') expect(got).toEqual(finals.map(({ start, end }) => `${start}/${end}`));
      }
    });
});
