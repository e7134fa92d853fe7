import type { OutgoingHttpHeaders } from 'node:http';
import type { InvokeAnswer } from '../lambda/function-client.ts';

/** An HTTP response, ready to be sent. */
export interface RestAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/**
 * The HTTP response for the function's answer, as API Gateway's Lambda proxy integration makes it. A function error or
 * an answer of another form is 502. An unreachable function is 503. Values of `multiValueHeaders` join those of
 * `headers`.
 */
export function restAnswer(answer: InvokeAnswer): RestAnswer {
  if (answer.kind === 'unreachable') return gatewayAnswer(503, 'Service Unavailable');
  const response = answer.kind === 'success' ? proxyResponse(answer.payload) : undefined;
  if (response === undefined) return gatewayAnswer(502, 'Internal server error');
  const headers: OutgoingHttpHeaders = { 'content-type': 'application/json' };
  for (const [name, value] of Object.entries(response.headers)) headers[name.toLowerCase()] = String(value);
  for (const [name, values] of Object.entries(response.multiValueHeaders))
    headers[name.toLowerCase()] = values.map(String);
  return {
    status: response.statusCode,
    headers,
    body: Buffer.from(response.body, response.isBase64Encoded ? 'base64' : 'utf8'),
  };
}

/** An answer of the gateway's own. */
export function gatewayAnswer(status: number, message: string): RestAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ message })) };
}

interface ProxyResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  readonly multiValueHeaders: Readonly<Record<string, readonly (string | number | boolean)[]>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

function proxyResponse(payload: string): ProxyResponse | undefined {
  const value: unknown = JSON.parse(payload);
  if (!isObject(value)) return undefined;
  const { statusCode, headers = {}, multiValueHeaders = {}, body = '', isBase64Encoded = false } = value;
  const status = typeof statusCode === 'string' ? Number(statusCode) : statusCode;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 599) return undefined;
  if (
    !isObject(headers ?? {}) ||
    !isObject(multiValueHeaders ?? {}) ||
    typeof (body ?? '') !== 'string' ||
    typeof isBase64Encoded !== 'boolean'
  )
    return undefined;
  const single = Object.entries((headers ?? {}) as Record<string, unknown>);
  const multiple = Object.entries((multiValueHeaders ?? {}) as Record<string, unknown>);
  if (
    !single.every(([, each]) => isScalar(each)) ||
    !multiple.every(([, each]) => Array.isArray(each) && each.every(isScalar))
  )
    return undefined;
  return {
    statusCode: status,
    headers: Object.fromEntries(single) as ProxyResponse['headers'],
    multiValueHeaders: Object.fromEntries(multiple) as ProxyResponse['multiValueHeaders'],
    body: (body as string | null) ?? '',
    isBase64Encoded,
  };
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
