import { isConserved, noPairs } from '../core/events/counters.ts';
import { globalWatermark, shardWatermark } from '../core/fold/watermark.ts';
import { readShardIds, readStreamProgress, readWatermarks, type ShardPlace } from '../state/epochs/progress.ts';
import { readSeenShards } from '../state/epochs/shard-report.ts';
import { readMisfits } from '../state/items/definition.ts';
import type { SideReason } from '../state/items/side-event.ts';
import type { SidePlace } from '../state/items/side-place.ts';
import { scanSideOutput } from '../state/items/side-scan.ts';
import { OutOfTime } from '../state/table/out-of-time.ts';
import { cacheControl, listResponse } from './list-answer.ts';
import { countParameter, formulas, refused, textParameter, timeParameter, wordParameter } from './parameters.ts';
import { Problem } from './problem.ts';
import { type Route, route } from './route.ts';
import { sideColumns, sideJson, sidePlace } from './side-json.ts';
import { timed } from './time-json.ts';

const dayMs = 24 * 3_600_000;

/** All reasons for which an event can be in the side output; `any` for no choice. */
const reasons = [
  'any',
  'late',
  'encoding',
  'unparsable',
  'corrupt-aggregate',
  'schema',
  'no-event-time',
  'future',
  'event-id',
  'unknown-key',
  'group-key',
  'aggregate-input',
  'pipeline-threw',
] as const satisfies readonly [string, ...(SideReason | 'any')[]];

/** The routes of the whole stream, not of one query. */
export const streamRoutes: readonly Route[] = [
  route({
    path: '/v1/late',
    id: 'listSideOutput',
    summary: 'Late and rejected events, with their reasons',
    description: 'By shard and arrival, from the side output, which is kept for 30 days.',
    parameters: {
      formulas,
      from: timeParameter('Events that arrived at or after this; a day before `to` unless told.'),
      to: timeParameter('Events that arrived before this, at most 7 days after `from`; now unless told.'),
      reason: wordParameter('Why they are there.', reasons),
      limit: countParameter('Most events of a page.', { most: 10_000, usual: 1000 }),
      cursor: textParameter('The cursor of the page before, with the other parameters as they were.'),
    },
    answers: 'SideEvents',
    isList: true,
    async answer(context, values, { tables, cursors, now }) {
      const to = values.to ?? now() + 1;
      const from = values.from ?? to - dayMs;
      if (from > to || to - from > 7 * dayMs)
        throw refused('from', from, 'has to be before to, by at most 7 days: ask for a shorter range of arrival times');
      // Without `from` and `to` each page has its own range, and a cursor goes on all the same.
      const request = `late?${values.from ?? ''}&${values.to ?? ''}&${values.reason}`;
      const after =
        values.cursor === undefined
          ? undefined
          : sidePlace(await cursors.open(request, values.cursor), values.cursor, from);
      const shardIds = await readShardIds(tables.state);
      let last: SidePlace | undefined;
      let ended = false;
      async function* events() {
        const ranges = shardIds.map((shardId) => ({ shardId, fromMs: from, toMs: to }));
        try {
          for await (const { event, place } of scanSideOutput(tables.rejects, ranges, after)) {
            if (event !== undefined && (values.reason === 'any' || event.reason === values.reason))
              yield sideJson(event);
            last = place; // asked for the next one: this one was taken
          }
          ended = true;
        } catch (error) {
          // The page ends where the time does: the next one begins there.
          if (!(error instanceof OutOfTime) || last === undefined) throw error;
        }
      }
      return listResponse(context, {
        formulas: values.formulas,
        name: 'events',
        elements: events(),
        limit: values.limit,
        cursorAfter: async () => (ended || last === undefined ? null : cursors.seal(request, last)),
        rowsOf: (event) => [{ ...event }],
        columns: sideColumns,
        tooLarge: () => new Problem(400, 'answer-too-large', 'limit', 'limit: not even one event fits into an answer'),
        isFinal: false,
      });
    },
  }),

  route({
    path: '/v1/watermark',
    id: 'getWatermark',
    summary: 'How far event time has come',
    description:
      'The watermark, which shard holds it back, and each shard with its greatest event time and whether it is idle or drained; why nothing is counted, where the pipeline does not fit its state.',
    parameters: {},
    answers: 'Watermark',
    isList: false,
    async answer(context, _values, { pipeline, tables, now }) {
      const [misfits, watermarks, progress, seen] = await Promise.all([
        readMisfits(tables.state, pipeline),
        readWatermarks(tables.state, pipeline.queries),
        readStreamProgress(tables.state),
        readSeenShards(tables.state),
      ]);
      const known = [...new Set([...progress.shards.keys(), ...seen.keys()])].sort().map((shardId) => {
        const { sequenceNumber, maxEventTime }: Partial<ShardPlace> = progress.shards.get(shardId) ?? {};
        const own = maxEventTime === undefined ? undefined : shardWatermark(maxEventTime, pipeline.delayMs);
        // A shard that no finalize run has seen yet also holds the watermark.
        return { shardId, state: seen.get(shardId)?.state ?? ('holding' as const), sequenceNumber, maxEventTime, own };
      });
      const { heldBy } = globalWatermark(
        known.map(({ shardId, maxEventTime, state }) => ({
          shardId,
          maxEventTime,
          state: state === 'unreadable' ? 'holding' : state,
        })),
        pipeline.delayMs,
      );
      const shards = known.map(({ shardId, state, sequenceNumber, maxEventTime, own }) => ({
        shardId,
        state,
        sequenceNumber: sequenceNumber ?? null,
        ...timed('maxEventTime', 'maxEventTimeIso', maxEventTime),
        ...timed('watermark', 'watermarkTime', own),
        lagMs: own === undefined ? null : now() - own,
      }));
      const { watermark, closedThrough, finalizedThrough } = watermarks;
      const answer = {
        ...timed('watermark', 'watermarkTime', watermark),
        ...timed('closedThrough', 'closedThroughTime', closedThrough),
        ...timed('finalizedThrough', 'finalizedThroughTime', finalizedThrough),
        lagMs: Number.isFinite(watermark) ? now() - watermark : null,
        heldBy: heldBy ?? null,
        ...timed('asOf', 'asOfTime', progress.asOf),
        refusals: misfits.map(({ message }) => message),
        shards,
      };
      return context.json(answer, 200, cacheControl(false));
    },
  }),

  route({
    path: '/v1/conservation',
    id: 'getConservation',
    summary: 'What became of every event',
    description:
      'received = counted + late + duplicate + rejected + filtered, over all shards, and (record, window) pairs by query.',
    parameters: {},
    answers: 'Conservation',
    isList: false,
    async answer(context, _values, { pipeline, tables }) {
      const { shards, sums, asOf } = await readStreamProgress(tables.state);
      const answer = {
        ...sums.counters,
        holds: isConserved(sums.counters),
        shards: shards.size,
        ...timed('asOf', 'asOfTime', asOf),
        queries: Object.fromEntries(pipeline.queries.map(({ name }) => [name, sums.queries[name] ?? noPairs])),
      };
      return context.json(answer, 200, cacheControl(false));
    },
  }),

  route({
    path: '/v1/health',
    id: 'getHealth',
    summary: 'Whether the API answers, for which pipeline, and how the command line finds it',
    description: 'Reads nothing.',
    parameters: {},
    answers: 'Health',
    isList: false,
    async answer(context, _values, { pipeline, feed }) {
      const { port } = new URL(context.req.url);
      const answer = {
        pipeline: pipeline.name,
        keyed: pipeline.partitionKey !== undefined,
        source: feed.source,
        stream: feed.stream,
        stack: feed.stack ?? null,
        port: port === '' ? null : Number(port),
        status: 'ok',
      };
      return context.json(answer, 200, cacheControl(false));
    },
  }),
];
