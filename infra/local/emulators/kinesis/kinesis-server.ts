import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BodyTooLarge, readBody } from '../../account/request-body.ts';
import { checkFields, isRequest, type Request } from './fields.ts';
import { KinesisError } from './kinesis-error.ts';
import type { Operation } from './operation.ts';
import { createPutHints } from './put-hints.ts';
import { recordOperations } from './record-operations.ts';
import { streamOperations } from './stream-operations.ts';
import type { Streams } from './streams.ts';

/** The most bytes of a request: 5 MiB of records as base64, their keys, and room. */
const mostBodyBytes = 10 * 1024 * 1024;
const jsonType = 'application/x-amz-json-1.1';
const target = 'Kinesis_20131202.';

/**
 * Kinesis over HTTP/1 and AWS's JSON protocol, for this machine. An operation is done, and what it changed is kept,
 * before the next request is looked at. There are no limits of throughput, no consumers of their own (enhanced
 * fan-out), no tags and no encryption. Signatures are asked for and not checked.
 */
export function createKinesisServer(streams: Streams, now: () => number): Server {
  const hints = createPutHints();
  const operations: Readonly<Record<string, Operation>> = {
    ...streamOperations(streams, hints.publish),
    ...recordOperations(streams, now, hints.publish),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Uint8Array;
    try {
      body = await readBody(request, mostBodyBytes);
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error;
      response.writeHead(413).end();
      return;
    }
    try {
      send(response, 200, perform(operations, request.headers, body));
    } catch (error) {
      if (!(error instanceof KinesisError)) throw error;
      send(response, 400, { __type: error.code, message: error.message });
    }
  }

  return createServer((request, response) => {
    if (hints.subscribe(request, response) === 'answered') return;
    answer(request, response).catch((error: unknown) => {
      // A client that went away is no fault. Anything else is thrown where it is known to belong to this request.
      if (request.errored === null) process.nextTick(() => raise(error));
    });
  });
}

/** @throws KinesisError for a request that Kinesis refuses */
function perform(
  operations: Readonly<Record<string, Operation>>,
  headers: IncomingMessage['headers'],
  body: Uint8Array,
): object | undefined {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  if (type === 'application/x-amz-cbor-1.1')
    throw new KinesisError(
      'SerializationException',
      'CBOR is not served here, JSON is: set AWS_CBOR_DISABLE=true for the SDK for Java (aws.cborEnabled=false).',
    );
  const name = String(headers['x-amz-target'] ?? '');
  const operation = name.startsWith(target) ? name.slice(target.length) : '';
  const known = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  if (known === undefined || type !== jsonType)
    throw new KinesisError(
      'UnknownOperationException',
      `X-Amz-Target ${JSON.stringify(name)} of content type ${JSON.stringify(type)} is not served here: there are ${Object.keys(operations).join(', ')}, of ${jsonType}.`,
    );
  if (headers.authorization === undefined)
    throw new KinesisError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const run = known.run as (request: Request) => object | undefined;
  return run(checkFields(parse(body), known.fields));
}

function parse(body: Uint8Array): Request {
  try {
    const value: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
    if (isRequest(value)) return value;
  } catch {
    // refused below
  }
  throw new KinesisError('SerializationException', 'The body of the request is not a JSON object.');
}

function send(response: ServerResponse, status: number, body: object | undefined): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': jsonType,
    'content-length': Buffer.byteLength(text),
    'x-amzn-requestid': randomUUID(),
  });
  response.end(text);
}

function raise(error: unknown): never {
  throw error;
}
