import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { TidemarkError } from '../core/arguments/error.ts';

/**
 * The kinds of problems, each with its title. The kind is the end of the document's `type`. Programs tell problems
 * apart by it.
 */
const titles = {
  'invalid-parameter': 'Invalid parameter',
  'unknown-query': 'Unknown query',
  'no-such-window': 'No such window',
  'answer-too-large': 'Answer too large',
  'answer-too-slow': 'Answer too slow',
  'not-acceptable': 'Not acceptable',
  'not-found': 'Not found',
  'method-not-allowed': 'Method not allowed',
  'invalid-body': 'Invalid body',
  'body-too-large': 'Body too large',
  'unsupported-media-type': 'Unsupported media type',
  'unsupported-encoding': 'Unsupported content encoding',
  'events-refused': 'Events refused',
  'stream-busy': 'Stream busy',
  'stream-unavailable': 'Stream unavailable',
} as const;

/** A request that cannot be answered, with the reason. It becomes a problem document (RFC 9457). */
export class Problem extends TidemarkError {
  override readonly name = 'Problem';
  readonly status: ContentfulStatusCode;
  readonly kind: keyof typeof titles;
  /** The parameter to correct. */
  readonly parameter: string;
  /** Further members of the document (RFC 9457, section 3.2). */
  readonly members: Readonly<Record<string, unknown>>;

  /** @param detail one line: the parameter, what was received, and what to do */
  constructor(
    status: ContentfulStatusCode,
    kind: keyof typeof titles,
    parameter: string,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.status = status;
    this.kind = kind;
    this.parameter = parameter;
    this.members = members;
  }
}

/** The problem document of an error. An error that is not the fault of the request tells nothing of the inside. */
export function problemResponse(context: Context, error: Error): Response {
  const { path } = context.req;
  const instance = path.slice(0, longestInstance);
  if (!(error instanceof Problem)) {
    const detail = 'The request failed: see the log of the function.';
    return documentResponse(context, 500, {
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail,
      instance,
    });
  }
  const { status, kind, parameter, message: detail, members } = error;
  const type = `urn:problem-type:tidemark:${kind}`;
  return documentResponse(context, status, {
    type,
    title: titles[kind],
    status,
    detail,
    instance,
    parameter,
    ...members,
  });
}

/** Most characters of the request's path that a problem repeats. */
const longestInstance = 200;

function documentResponse(
  context: Context,
  status: ContentfulStatusCode,
  document: Readonly<Record<string, unknown>>,
): Response {
  return context.body(JSON.stringify(document), status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  });
}
