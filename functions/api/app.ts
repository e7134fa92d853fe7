import { Hono } from 'hono';
import { etag } from 'hono/etag';
import { valueText } from '../core/arguments/error.ts';
import { OutOfTime } from '../state/table/out-of-time.ts';
import { signedCursors } from './cursor.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { eventsPath } from './events-path.ts';
import { openApiDocument } from './openapi.ts';
import { readParameters } from './parameters.ts';
import { Problem, problemResponse } from './problem.ts';
import { queryRoutes } from './query-routes.ts';
import { mostReadMs, requestTime } from './request-time.ts';
import type { Route, RouteOptions } from './route.ts';
import { streamRoutes } from './stream-routes.ts';

/** The parts of the API. */
export interface AppOptions
  extends Omit<RouteOptions, 'cursors' | 'time' | keyof Surroundings>,
    Partial<Pick<RouteOptions, keyof Surroundings>> {
  /** 32 random bytes or more, as text. */
  readonly newSecret: () => string;
  /** Whether events can be posted too. Another function takes them. @default off */
  readonly ingest?: 'on' | 'off';
  /** What is left to the function that answers, ms. @default without a bound */
  readonly remainingMs?: () => number;
  /** Called with each error that is not the fault of a request. */
  readonly onError: (error: Error) => void;
}

/** What the API tells of its surroundings, where the caller says nothing of them. */
type Surroundings = typeof nothingAround;
const nothingAround = {
  served: new Set<string>(),
  history: undefined,
  feed: { stream: '', source: 'kinesis', stack: undefined },
} as const;

/** All paths except the path of the description itself. */
export const routes = [...queryRoutes, ...streamRoutes, ...deploymentRoutes];

/** The version of the API in its description. It grows when a client could notice a change. */
const apiVersion = '1.2.0';

/** The query API: one `Request -> Response`, whatever carries it. */
export function queryApp({
  newSecret,
  onError,
  ingest,
  remainingMs = () => Number.POSITIVE_INFINITY,
  ...given
}: AppOptions): Hono {
  const app = new Hono();
  const cursors = signedCursors(given.tables.state, newSecret);
  const optionsOf = (): RouteOptions => {
    const time = requestTime(given.tables, given.now, remainingMs());
    return { ...nothingAround, ...given, cursors, time, tables: time.tables(1) };
  };

  app.use(async (context, next) => {
    const { method, path } = context.req;
    if (ingest === 'on' && path === eventsPath) {
      context.header('allow', 'POST');
      throw new Problem(405, 'method-not-allowed', 'method', `method: ${valueText(method)} puts no events: use POST`);
    }
    if (method !== 'GET' && method !== 'HEAD') {
      context.header('allow', 'GET, HEAD');
      throw new Problem(
        405,
        'method-not-allowed',
        'method',
        `method: ${valueText(method)} changes nothing here: use GET`,
      );
    }
    await next();
  });
  app.use(etag());

  const description = openApiDocument(given.pipeline.name, apiVersion, routes, ingest);
  app.get('/openapi.json', (context) => context.json(description, 200, { 'cache-control': 'no-cache' }));
  for (const route of routes)
    app.get(route.path.replace(/\{(\w+)\}/g, ':$1'), (context) =>
      route.answer(context, readParameters(context, route.parameters), optionsOf()).catch((error: unknown) => {
        throw error instanceof OutOfTime ? tooSlow(route) : error;
      }),
    );

  app.notFound((context) =>
    problemResponse(
      context,
      new Problem(404, 'not-found', 'path', `path: ${valueText(context.req.path)} is not known: see /openapi.json`),
    ),
  );
  app.onError((error, context) => {
    if (!(error instanceof Problem)) onError(error);
    return problemResponse(context, error);
  });
  return app;
}

/** Parameters by which less can be asked for. */
const narrowing = ['limit', 'from', 'start', 'window', 'query'] as const;

/** The problem of a request that would take too long to answer. */
function tooSlow({ parameters }: Route): Problem {
  const [name = 'path', ...others] = narrowing.filter((one) => Object.hasOwn(parameters, one));
  const all = [name, ...others, ...['to', 'key'].filter((one) => Object.hasOwn(parameters, one))].join(', ');
  return new Problem(
    503,
    'answer-too-slow',
    name,
    `${name}: what is asked for takes more than ${mostReadMs / 1000} s to read: ask for less with ${all}, or again in a while`,
  );
}
