import { readUnderWay } from '../state/operations/under-way.ts';
import { type FailedWindow, sinkStatuses } from '../state/sinks/sink-status.ts';
import { cacheControl } from './list-answer.ts';
import { type Route, route } from './route.ts';
import { spanJson, timed } from './time-json.ts';

/** Windows of a query that a sink waits for, and dead letters, that an answer counts. */
const mostCounted = 1000;
/** Dead letters that an answer names. */
const mostNamed = 20;

const letterJson = ({ start, end, failingSince, ...letter }: FailedWindow) => ({
  ...spanJson({ start, end }),
  ...letter,
  ...timed('failingSince', 'failingSinceTime', failingSince),
});

/** The routes of a deployment as a whole: how it stands, and what goes on in it. */
export const deploymentRoutes: readonly Route[] = [
  route({
    path: '/v1/sinks',
    id: 'listSinks',
    summary: 'How each sink stands',
    description:
      `What waits for it, what fails, and its dead letters: at most ${mostCounted} of each query are counted, and the ` +
      `newest ${mostNamed} dead letters are named. \`tidemark sinks\` counts all.`,
    parameters: {},
    answers: 'Sinks',
    isList: false,
    async answer(context, _values, { pipeline, tables, served }) {
      const statuses = await sinkStatuses(tables.state, pipeline, served, mostCounted);
      const sinks = statuses.map(({ sink, lastDeliveredAt, waitingSince, failing, deadLetters, ...status }) => ({
        name: sink,
        ...status,
        ...timed('lastDeliveredAt', 'lastDeliveredAtTime', lastDeliveredAt),
        ...timed('waitingSince', 'waitingSinceTime', waitingSince),
        failing: failing === null ? null : letterJson(failing),
        deadLetters: deadLetters.slice(0, mostNamed).map(letterJson),
      }));
      return context.json({ sinks }, 200, cacheControl(false));
    },
  }),

  route({
    path: '/v1/operations',
    id: 'getOperations',
    summary: 'What goes on: epochs, and what an operator has asked for',
    description:
      'How far epochs are elected, gathered and emitted; the commands that change results (replays, backfills, ' +
      'removals) with how far each is, the newest first; backfills that are still handed over.',
    parameters: {},
    answers: 'Operations',
    isList: false,
    async answer(context, _values, { pipeline, tables }) {
      const { elected, gathered, emitted, commands, backfills, removals } = await readUnderWay(tables.state);
      const answer = {
        elected: {
          epoch: elected.epoch,
          ...timed('at', 'atTime', elected.electedAt),
          ...timed('closedThrough', 'closedThroughTime', elected.closedThrough),
        },
        gathered,
        emitted: Object.fromEntries(
          pipeline.queries.map(({ name }) => {
            const place = emitted.get(name);
            const times = {
              ...timed('at', 'atTime', place?.at),
              ...timed('closedThrough', 'closedThroughTime', place?.closedThrough),
            };
            return [name, { epoch: place?.epoch ?? 0, ...times }];
          }),
        ),
        commands: commands.map(({ entry: { id, kind, query, putAt }, found, epoch, stage }) => {
          const known = found.status === 'committed' ? found : undefined;
          return {
            id,
            kind,
            query,
            by: known?.command.by ?? null,
            ...timed('putAt', 'putAtTime', putAt),
            stage,
            epoch: epoch ?? null,
            windows: known?.command.windows ?? null,
            written: known?.outcome?.written ?? null,
            left: known?.outcome?.left ?? null,
          };
        }),
        backfills: backfills.map(({ id, query, since, until, at }) => ({
          id,
          query,
          ...timed('since', 'sinceTime', since),
          ...timed('until', 'untilTime', until),
          ...timed('at', 'atTime', at),
        })),
        removals,
      };
      return context.json(answer, 200, cacheControl(false));
    },
  }),

  route({
    path: '/v1/history',
    id: 'getHistory',
    summary: 'The last hour by minute',
    description:
      'Events received, the lag of the watermark, and the pairs of each query, as the functions have measured them ' +
      '(CloudWatch). Answers are a minute old at most. Where nothing keeps measurements, `source` is null.',
    parameters: {},
    answers: 'History',
    isList: false,
    async answer(context, _values, { history }) {
      const found = await history?.();
      const answer = {
        source: found === undefined ? null : 'CloudWatch',
        ...timed('from', 'fromTime', found?.from),
        ...timed('to', 'toTime', found?.to),
        points: (found?.points ?? []).map(({ at, ...point }) => ({ ...timed('at', 'atTime', at), ...point })),
      };
      return context.json(answer, 200, cacheControl(false));
    },
  }),
];
