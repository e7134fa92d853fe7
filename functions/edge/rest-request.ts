import type { LambdaEvent } from 'hono/aws-lambda';
import { argumentError } from '../core/arguments/error.ts';

/**
 * Checks that the query function was invoked with a request of API Gateway's REST API (payload version 1), and not by
 * hand or by another kind of API. The content of a GET or a HEAD has no meaning (RFC 9110, 9.3.1) and is left out:
 * `Request` refuses it.
 * @throws TidemarkError that names the field
 */
export function restRequest(event: unknown): LambdaEvent {
  const { httpMethod, path, requestContext }: { readonly [name: string]: unknown } =
    typeof event === 'object' && event !== null ? { ...event } : {};
  const remedy = 'is not of a request: invoke this function through the REST API of API Gateway';
  if (typeof httpMethod !== 'string') throw argumentError('httpMethod', httpMethod, remedy);
  if (typeof path !== 'string' || !path.startsWith('/')) throw argumentError('path', path, remedy);
  if (typeof requestContext !== 'object' || requestContext === null)
    throw argumentError('requestContext', requestContext, remedy);
  const request = event as LambdaEvent;
  return httpMethod === 'GET' || httpMethod === 'HEAD' ? { ...request, body: null } : request;
}
