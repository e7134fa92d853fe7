import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { eventsPath } from '../../../functions/api/events-path.ts';
import { compressedBytes } from '../../../functions/core/deployment/settings.ts';
import { BodyTooLarge, readBody } from '../account/request-body.ts';
import type { MetricSums } from '../lambda/emf.ts';
import { type InvokeAnswer, metricsOf } from '../lambda/function-client.ts';
import { invokedName, refuse } from '../lambda/invoke-api.ts';
import { createProxy } from './proxy.ts';
import { gatewayAnswer, type RestAnswer, restAnswer } from './rest-answer.ts';
import { restEvent } from './rest-event.ts';

/** The servers and functions behind the front, and its pages. */
export interface FrontSpec {
  readonly ports: { readonly kinesis: number; readonly dynamodb: number; readonly functions: number };
  /** Answers of `GET /_tidemark/NAME`, as JSON. */
  readonly pages: Readonly<Record<string, (parameters: URLSearchParams) => Promise<unknown>>>;
  /** Invokes the query function with the event (JSON) of an HTTP request; `gone`: the client no longer waits. */
  query(event: string, gone: AbortSignal): Promise<InvokeAnswer>;
  /** Invokes the ingest function with the event of a request that posts events. */
  ingest(event: string, gone: AbortSignal): Promise<InvokeAnswer>;
  /** Receives the metrics of an invocation that went through the front. */
  onMetrics(functionName: string, sums: MetricSums): void;
}

const gzipped = promisify(gzip);

/** API Gateway's limits for a request: the size of its body, and the time (ms) until the function has answered. */
const mostBodyBytes = 10 * 1024 * 1024;
const gatewayTimeoutMs = 29_000;

/**
 * The one address of the embedded AWS, for `AWS_ENDPOINT_URL` and for a browser. Lambda's Invoke call, Kinesis and
 * DynamoDB go to their servers. `/_tidemark/` tells about the system. Posted events are an API Gateway request to the
 * ingest function. Everything else is one to the query function.
 */
export function createFront(spec: FrontSpec): Server {
  const functions = createProxy(spec.ports.functions);
  const kinesis = createProxy(spec.ports.kinesis);
  const dynamodb = createProxy(spec.ports.dynamodb);

  function route(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    const target = String(request.headers['x-amz-target'] ?? '');
    const down = (): void =>
      refuse(response, 503, 'ServiceException', 'the process that serves this is being started again: try again');
    const name = invokedName(path);
    if (name !== undefined) {
      functions.forward(request, response, down, (headers) => {
        const sums = metricsOf(headers);
        if (sums !== undefined) spec.onMetrics(name, sums);
      });
    } else if (path === '/_tidemark/logs') functions.forward(request, response, down);
    else if (target.startsWith('Kinesis_')) kinesis.forward(request, response, down);
    else if (target.startsWith('DynamoDB_')) dynamodb.forward(request, response, down);
    else if (path.startsWith('/_tidemark/'))
      void answerPage(new URL(path, 'http://front'), response).catch(() => response.destroy());
    else answerRest(request, response).catch(() => response.destroy());
  }

  async function answerPage({ pathname, searchParams }: URL, response: ServerResponse): Promise<void> {
    const page = pathname.slice('/_tidemark/'.length);
    const make = Object.hasOwn(spec.pages, page) ? spec.pages[page] : undefined;
    if (make === undefined)
      return send(
        response,
        gatewayAnswer(404, `no page ${page}: there are ${Object.keys(spec.pages).join(', ')}, logs`),
      );
    const body = Buffer.from(JSON.stringify(await make(searchParams)));
    send(response, { status: 200, headers: { 'content-type': 'application/json' }, body });
  }

  async function answerRest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Uint8Array;
    try {
      body = await readBody(request, mostBodyBytes);
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error;
      return send(response, gatewayAnswer(413, 'Request Too Long'));
    }
    const invoke = isPostedEvents(request) ? spec.ingest : spec.query;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = invoke(JSON.stringify(restEvent(request, body, Date.now())), gone.signal).then(restAnswer);
    send(response, await compressed(request, await withTimeout(answer)));
  }

  const server = createServer(route);
  server.keepAliveTimeout = 0;
  server.on('close', () => {
    for (const proxy of [functions, kinesis, dynamodb]) proxy.close();
  });
  return server;
}

function isPostedEvents({ method, url = '/' }: IncomingMessage): boolean {
  return method === 'POST' && url.split('?', 1)[0] === eventsPath;
}

/** Compresses an answer as API Gateway does. The stack sets the least size. */
async function compressed({ headers }: IncomingMessage, answer: RestAnswer): Promise<RestAnswer> {
  if (
    answer.body.length < compressedBytes ||
    !/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(String(headers['accept-encoding'] ?? ''))
  )
    return answer;
  return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body: await gzipped(answer.body) };
}

async function withTimeout(answer: Promise<RestAnswer>): Promise<RestAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<RestAnswer>((resolve) => {
    timer = setTimeout(() => resolve(gatewayAnswer(504, 'Endpoint request timed out')), gatewayTimeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function send(response: ServerResponse, answer: RestAnswer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
  response.end(answer.body);
}
