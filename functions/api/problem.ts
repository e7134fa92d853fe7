import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { TidemarkError } from '../core/error.ts';

/** A request that cannot be answered, and why: becomes a problem document (RFC 9457). */
export class Problem extends TidemarkError {
  override readonly name = 'Problem';
  readonly status: ContentfulStatusCode;
  readonly title: string;

  constructor(status: ContentfulStatusCode, title: string, detail: string) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

/** The problem document of an error. What is nobody's request's fault says nothing of its inside. */
export function problemResponse(context: Context, error: Error): Response {
  const problem = error instanceof Problem ? error : new Problem(500, 'Internal error', 'The request failed: see the log of the query function.');
  const body = { type: 'about:blank', title: problem.title, status: problem.status, detail: problem.message, instance: context.req.path };
  return context.body(JSON.stringify(body), problem.status, { 'content-type': 'application/problem+json' });
}
