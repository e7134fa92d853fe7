import { type Context, Hono } from 'hono';
import { valueText } from '../core/arguments/error.ts';
import type { Pipeline } from '../core/definition/pipeline.ts';
import type { PutEntry } from '../feeder/put-records.ts';
import type { NotStored } from '../feeder/put-within.ts';
import { type EventAnswer, eventAnswers, judge } from './event-answers.ts';
import { bodyEvents } from './event-body.ts';
import { eventsPath } from './events-path.ts';
import { Problem, problemResponse } from './problem.ts';

/** The dependencies of {@link ingestApp}. */
export interface IngestOptions {
  readonly pipeline: Pipeline;
  /** Puts records; resolves to those that are not stored for certain. */
  readonly put: (records: readonly PutEntry[]) => Promise<ReadonlyMap<PutEntry, NotStored>>;
  /** Epoch ms. */
  readonly now: () => number;
  /** A partition key for an event that has none: any key, a new one at each call. */
  readonly newKey: () => string;
  /** Called with the answers to each request's events. */
  readonly onAnswers: (answers: readonly EventAnswer[]) => void;
  /** Called with each error that is not the fault of a request. */
  readonly onError: (error: Error) => void;
}

/** Seconds after which another try is worth it. */
const retryAfter = '1';

/** `POST /v1/events`: one `Request -> Response`, whatever carries it. */
export function ingestApp(options: IngestOptions): Hono {
  const app = new Hono();
  app.post(eventsPath, async (context) => {
    const unknown = new URL(context.req.url).search;
    if (unknown.length > 1)
      throw new Problem(
        400,
        'invalid-parameter',
        'query',
        `query: ${valueText(unknown)} is not known: this request has no parameters, only a body`,
      );
    const events = bodyEvents({
      contentType: context.req.header('content-type'),
      contentEncoding: context.req.header('content-encoding'),
      bytes: Buffer.from(await context.req.arrayBuffer()),
    });
    const nowMs = options.now();
    const judged = events.map((event, index) =>
      judge(options.pipeline, event, index, { nowMs, newKey: options.newKey }),
    );
    const answers = eventAnswers(
      judged,
      await options.put(judged.flatMap((event) => ('outcome' in event ? [] : [event]))),
    );
    options.onAnswers(answers);
    return answered(context, answers);
  });
  app.all(eventsPath, (context) => {
    context.header('allow', 'POST');
    throw new Problem(
      405,
      'method-not-allowed',
      'method',
      `method: ${valueText(context.req.method)} puts nothing: use POST`,
    );
  });
  app.notFound((context) =>
    problemResponse(
      context,
      new Problem(
        404,
        'not-found',
        'path',
        `path: ${valueText(context.req.path)} takes no events: POST them to ${eventsPath}, and use GET elsewhere`,
      ),
    ),
  );
  app.onError((error, context) => {
    if (!(error instanceof Problem)) options.onError(error);
    return problemResponse(context, error);
  });
  return app;
}

const allRefused = {
  413: ['body-too-large', 'too large'],
  422: ['events-refused', 'refused'],
  429: ['stream-busy', 'not stored, because the stream takes no more at the moment'],
  503: ['stream-unavailable', 'not known to be stored, because the stream did not answer'],
} as const;

/** The request's status is that of its events, or 207 where they differ. */
function answered(context: Context, events: readonly EventAnswer[]): Response {
  const accepted = events.filter(({ outcome }) => outcome === 'accepted').length;
  const members = { accepted, refused: events.length - accepted, events };
  if (events.some(({ status }) => status === 429 || status === 503)) context.header('retry-after', retryAfter);
  context.header('cache-control', 'no-store');
  const statuses = new Set(events.map(({ status }) => status));
  const [status] = statuses;
  if (statuses.size > 1 || status === undefined) return context.json(members, 207);
  if (status === 202) return context.json(members, 202);
  const [kind, why] = allRefused[status];
  const first = events.find((event) => event.outcome === 'refused');
  const which = events.length === 1 ? 'the event is' : `all ${events.length} events are`;
  const example = `${events.length === 1 ? '' : 'the first: '}${first?.detail.replace(/\s+/g, ' ').slice(0, 160)}`;
  const detail = `events: ${which} ${why}: ${example}`;
  return problemResponse(context, new Problem(status, kind, 'events', detail, members));
}
