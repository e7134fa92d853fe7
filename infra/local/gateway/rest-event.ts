import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventHeaders,
  APIGatewayProxyEventMultiValueHeaders,
} from 'aws-lambda';
import { accountId } from '../account/account.ts';
import { decodedPath } from '../account/request-guard.ts';

/** The stage that requests appear to go to. It is not a part of the path. */
const stage = 'local';

/**
 * The event of API Gateway's REST API (Lambda proxy integration of `/{proxy+}`, payload version 1.0) for an HTTP
 * request.
 */
export function restEvent(request: IncomingMessage, body: Uint8Array, nowMs: number): APIGatewayProxyEvent {
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s, 2);
  const httpMethod = request.method ?? 'GET';
  const { headers, multiValueHeaders } = headersOf(request);
  const query = queryOf(search);
  const text = isUtf8(body);
  const resource = path === '/' ? '/' : '/{proxy+}';
  const requestId = randomUUID();
  return {
    resource,
    path,
    httpMethod,
    headers,
    multiValueHeaders,
    queryStringParameters: query.single,
    multiValueQueryStringParameters: query.multiple,
    pathParameters: path === '/' ? null : { proxy: decodedPath(path.slice(1)) ?? path.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId,
      apiId: 'local',
      authorizer: null,
      domainName: request.headers.host ?? '127.0.0.1',
      domainPrefix: 'local',
      extendedRequestId: requestId,
      httpMethod,
      identity: {
        accessKey: null,
        accountId: null,
        apiKey: null,
        apiKeyId: null,
        caller: null,
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        user: null,
        userAgent: request.headers['user-agent'] ?? null,
        userArn: null,
      },
      path: `/${stage}${path}`,
      protocol: `HTTP/${request.httpVersion}`,
      requestId,
      requestTime: requestTime(nowMs),
      requestTimeEpoch: nowMs,
      resourceId: 'local',
      resourcePath: resource,
      stage,
    },
    body: body.length === 0 ? null : Buffer.from(body).toString(text ? 'utf8' : 'base64'),
    isBase64Encoded: body.length > 0 && !text,
  };
}

function headersOf(request: IncomingMessage): {
  readonly headers: APIGatewayProxyEventHeaders;
  readonly multiValueHeaders: APIGatewayProxyEventMultiValueHeaders;
} {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2)
    pairs.push([request.rawHeaders[at] ?? '', request.rawHeaders[at + 1] ?? '']);
  const { single, multiple } = collected(pairs);
  return { headers: single, multiValueHeaders: multiple };
}

function queryOf(search: string): {
  readonly single: Record<string, string> | null;
  readonly multiple: Record<string, string[]> | null;
} {
  const pairs = [...new URLSearchParams(search)];
  return pairs.length === 0 ? { single: null, multiple: null } : collected(pairs);
}

/** For a header or parameter that comes several times, API Gateway's single-valued map has the last value. */
function collected(pairs: readonly (readonly [name: string, value: string])[]) {
  // The client chooses the names: an object would already have a value for `constructor`.
  const multiple = new Map<string, string[]>();
  for (const [name, value] of pairs) multiple.set(name, [...(multiple.get(name) ?? []), value]);
  return { single: Object.fromEntries(pairs), multiple: Object.fromEntries(multiple) };
}

/** The time in the form `09/Apr/2015:12:34:56 +0000`. */
function requestTime(nowMs: number): string {
  const [, day, month, year, time] = new Date(nowMs).toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}
